#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make help` prints.
set -euo pipefail
cat <<'END'
make                      the programs in build/bin/, and the module when kernel headers are here
make module KVER=RELEASE  build/module/RELEASE/dm-remap.ko; without KVER the running kernel's,
                          else the newest headers installed; BUILD_MODE=MODULAR makes two modules
make install              the module below /lib/modules/KVER/updates, depmod, the tools in PREFIX
                          (PREFIX=/usr/local; DESTDIR, KVER and MODULEDIR are honoured)
make uninstall            takes back what install put there
make check                ./run-tests.sh: all tests
make check-vm             all VM cases on Linux 6.12 and 6.1, cloud and plain; the module in two parts;
                          a fresh install
make check-crash          power cuts, replayed writes, damaged metadata, 100,000 remaps on both kernels
                          (CUTS=50 SERIES="6.12 6.1")
make check-model          all states of the metadata protocol, and the wrong readings of it
make check-fuzz           each fuzzer for an hour (FUZZ_SECONDS=3600), on a corpus that is kept
make check-sim            the core on simulated disks: a million random runs (SEEDS=1000000, FIRST_SEED=1),
                          every short workload with every power failure, every deliberate bug
make unit                 the unit tests
make sanitize             the unit tests with address, undefined and thread sanitizers
make bench                the benchmarks
make bench-vm             what an I/O costs in the kernel, for docs/development/BENCHMARKS-VM.md
make bench-serve          how fast dmremap serve is beside others, for docs/development/BENCHMARKS-SERVE.md
make lint                 shellcheck, cppcheck, style, documentation
make format               clang-format on the lines changed since the last commit
make clean                empties build/

WERROR=1 turns warnings into errors; CXX=clang++ chooses the compiler of the programs.
END
