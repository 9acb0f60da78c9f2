# SPDX-License-Identifier: GPL-2.0-or-later
#
# The face of both builds: CMake for what runs in user space, Kbuild for the module.
# `make help` lists the targets.

BUILD     ?= build
PREFIX    ?= /usr/local
DESTDIR   ?=
# Where the module goes below /lib/modules/KVER: depmod prefers updates/ over the kernel's own.
MODULEDIR ?= updates
# The compilers of the programs; the module's follow from the kernel's configuration.
CXX_PROGRAMS ?= $(if $(filter default undefined,$(origin CXX)),,$(CXX))
JOBS      ?= $(shell nproc 2>/dev/null || echo 2)
# One kernel release; empty means that scripts/module-kver.sh chooses.
KVER      ?=
# Of check-crash: power cuts on each kernel series.
CUTS      ?= 50
SERIES    ?= 6.12 6.1
# INTEGRATED: dm-remap.ko. MODULAR: that and dm-remap-core.ko.
BUILD_MODE ?= INTEGRATED

CMAKE_FLAGS += $(if $(CXX_PROGRAMS),-DCMAKE_CXX_COMPILER=$(CXX_PROGRAMS)) $(if $(WERROR),-DDMREMAP_WERROR=ON)
SH := bash

.DEFAULT_GOAL := all
.PHONY: all programs programs-if-possible module module-if-possible install uninstall check check-vm check-crash check-model check-fuzz check-sim unit \
	sanitize sanitize-address sanitize-thread bench bench-vm bench-serve lint format clean help

all: programs-if-possible module-if-possible

programs:
	@$(SH) scripts/build-programs.sh $(BUILD) $(JOBS) $(CMAKE_FLAGS)

# A compiler and headers are enough for the module, so a want of cmake does not stop it.
programs-if-possible:
	@if command -v cmake >/dev/null || [ -z "$(KVER)" ] && ! $(SH) scripts/module-kver.sh >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory programs; \
	else \
		echo "cmake is missing: only the module is built; 'scripts/deps.sh build' installs what the programs need."; \
	fi

module:
	@kver="$(KVER)"; [ -n "$$kver" ] || kver=$$($(SH) scripts/module-kver.sh) || exit 1; \
	$(SH) scripts/build-module.sh "$$kver" BUILD_MODE="$(BUILD_MODE)" $(if $(W),W=$(W)) $(if $(V),V=$(V))

module-if-possible:
	@if [ -n "$(KVER)" ] || $(SH) scripts/module-kver.sh >/dev/null; then \
		$(MAKE) --no-print-directory module; \
	else \
		echo "The programs were built; the module was not."; \
	fi

install uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" MODULEDIR="$(MODULEDIR)" KVER="$(KVER)" \
		$(SH) scripts/install.sh $@ $(BUILD)

check:
	@$(SH) ./run-tests.sh

# Every case of tests/vm on both kernels and flavours; ./run-tests.sh has time for the short sets.
check-vm:
	@$(SH) scripts/check-vm.sh $(SERIES)

# Power cuts (CUTS, 50), replays of logged writes, damaged metadata and 100,000 remaps on each kernel of
# SERIES ("6.12 6.1"); up to an hour and a half.
check-crash:
	@CUTS="$(CUTS)" SERIES="$(SERIES)" $(SH) scripts/check-crash.sh

# The metadata protocol, all states of it; up to ten minutes and 8 GiB.
check-model:
	@$(SH) scripts/check-model.sh

# Each fuzzer for FUZZ_SECONDS, an hour unless told otherwise, on the corpus in build/fuzz/corpus.
check-fuzz:
	@$(SH) scripts/fuzz.sh long

# A million random runs, every short workload, every deliberate bug: SEEDS, FIRST_SEED and JOBS.
check-sim:
	@TARGETS="dmremap-sim sim-tests" $(SH) scripts/build-programs.sh $(BUILD) $(JOBS) $(CMAKE_FLAGS)
	@BUILD="$(BUILD)" JOBS="$(JOBS)" $(if $(SEEDS),SEEDS="$(SEEDS)") $(if $(FIRST_SEED),FIRST_SEED="$(FIRST_SEED)") \
		$(SH) scripts/check-sim.sh long

unit: programs
	@$(SH) scripts/run-unit.sh $(BUILD)

sanitize: sanitize-address sanitize-thread

# With the optimization that the sanitizers ask for: the compiler takes half the time of -O2.
sanitize-address:
	@TARGETS="unit-tests table-readers-test group-test" $(SH) scripts/build-programs.sh $(BUILD)/sanitize-address $(JOBS) $(CMAKE_FLAGS) \
		-DDMREMAP_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS="-O1 -g1"
	@$(SH) scripts/run-unit.sh $(BUILD)/sanitize-address

# Threads meet in these programs only.
sanitize-thread:
	@TARGETS="table-readers-test table-readers-bug-test group-test" $(SH) scripts/build-programs.sh $(BUILD)/sanitize-thread $(JOBS) $(CMAKE_FLAGS) \
		-DDMREMAP_SANITIZE=thread
	@$(SH) scripts/run-unit.sh $(BUILD)/sanitize-thread table-readers-test group-test
	@$(SH) scripts/check-thread-bug.sh $(BUILD)/sanitize-thread

bench: programs
	@$(SH) scripts/run-bench.sh $(BUILD)

# Some eight minutes for each kernel. The page is for documents.
bench-vm:
	@TARGETS="vm-test-cost vm-test-message" $(SH) scripts/build-programs.sh $(BUILD) $(JOBS) $(CMAKE_FLAGS)
	@bench/vm-cost --write docs/development/BENCHMARKS-VM.md

# As root, on a quiet machine: some eight minutes.
bench-serve: programs
	@bench/serve-speed --write docs/development/BENCHMARKS-SERVE.md

lint:
	@$(SH) tests/lint/run

# Formats the lines changed since the last commit, and no others.
format:
	@git clang-format --style=file --extensions c,h,cc HEAD

clean:
	@rm -rf $(BUILD)/*
	@echo "$(BUILD)/ is empty."

help:
	@$(SH) scripts/make-help.sh
