# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The virtual machine: its command line and its life. Disks are told apart by serial number.
# The base disks carry snapshot=on: what the guest writes to them ends with the process.

OUTPUT_MIB=512
SCRATCH_DISKS=3
SCRATCH_MIB=2048

# A boot sector that tells the debug-exit device 16: QEMU then exits with 33. That proves that
# the processor really runs code under KVM; /dev/kvm being there proves nothing.
kvm_works() {
    local sector status=0
    sector=$(mktemp)
    printf '\xb0\x10\xe6\xf4\xf4' >"$sector"
    truncate -s 510 "$sector"
    printf '\x55\xaa' >>"$sector"
    timeout 10 qemu-system-x86_64 -accel kvm -cpu host -nodefaults -no-user-config -display none \
        -m 16 -device isa-debug-exit,iobase=0xf4 \
        -drive "if=ide,format=raw,snapshot=on,file=$sector" >/dev/null 2>&1 || status=$?
    rm -f "$sector"
    ((status == 33))
}

# accelerator [COUNTED] - prints the QEMU options, and how to call them, on two lines. With "yes",
# time in the guest goes on by 1 ns with each instruction, the same ones in every run: no reseeding
# by the processor, no random addresses. Emulated processors have no fast string instructions: they
# are emulated byte by byte, and would count once for each.
accelerator() {
    local emulated='-cpu max,-erms,-fsrm'
    if [[ ${1:-no} == yes ]]; then
        printf '%s\n' "-accel tcg,thread=single -icount shift=0 $emulated" 'TCG, counting instructions'
    elif kvm_works; then
        printf '%s\n' '-accel kvm -cpu host' KVM
    else
        printf '%s\n' "-accel tcg,thread=multi $emulated" 'TCG, no KVM here'
    fi
}

# add_disk SERIAL FILE [DRIVE-OPTION...] - onto QEMU_ARGS.
add_disk() {
    local serial=$1 file=$2 options
    shift 2
    options=$(IFS=,; echo "if=none,id=$serial,format=raw,cache=unsafe,file=$file${*:+,$*}")
    QEMU_ARGS+=(-drive "$options" -device "virtio-blk-pci,drive=$serial,serial=$serial")
}

# make_disks DIRECTORY - the empty ones of one boot.
make_disks() {
    local i
    truncate -s "${OUTPUT_MIB}M" "$1/output.disk"
    for ((i = 0; i < SCRATCH_DISKS; i++)); do
        truncate -s "${SCRATCH_MIB}M" "$1/scratch$i.disk"
    done
}

# counter_words - what an emulated kernel must be told about its time stamp counter, which is the
# host's: vm-test-tsc says why it is not left to find out.
counter_words() {
    [[ ! -x $REPO/build/bin/vm-test-tsc ]] || printf ' tsc_early_khz=%s' "$("$REPO/build/bin/vm-test-tsc")"
}

# qemu_args DIRECTORY MEMORY CPUS [KERNEL-WORDS] - sets QEMU_ARGS, all but the serial ports.
qemu_args() {
    local dir=$1 i append
    append="console=ttyS0 loglevel=5 panic=-1 panic_on_oops=1 mitigations=off tsc=reliable"
    append+=" nowatchdog log_buf_len=8M random.trust_cpu=on rcupdate.rcu_cpu_stall_timeout=60${4:+ $4}"
    # The last word on a subject counts.
    [[ $ACCELERATOR != *-icount* ]] || append+=" random.trust_cpu=off nokaslr"
    [[ $ACCELERATOR != *tcg* || $ACCELERATOR == *-icount* ]] || append+=$(counter_words)
    # On a busy host the emulated timer may tick too late for the check, and the kernel panics.
    [[ $ACCELERATOR != *tcg* ]] || append+=" no_timer_check"
    # Programs at random addresses are translated anew at each start. The translations of a page form a
    # list, and QEMU 7.2 walks it for every byte written to the page: in a machine that swaps, pages of
    # programs become pages of data all the time, and processors stood still for more than a minute.
    [[ $ACCELERATOR != *tcg* ]] || append+=" norandmaps"
    # shellcheck disable=SC2206 # options are meant to be split
    QEMU_ARGS=($ACCELERATOR -m "$2" -smp "$3" -nodefaults -no-user-config -display none -no-reboot
        -kernel "$KERNEL" -initrd "$INITRAMFS" -append "$append")
    add_disk root "$ROOT_DISK" snapshot=on
    add_disk modules "$MODULES_DISK" snapshot=on
    add_disk input "$dir/input.tar" readonly=on
    add_disk output "$dir/output.disk"
    for ((i = 0; i < SCRATCH_DISKS; i++)); do
        add_disk "scratch$i" "$dir/scratch$i.disk" discard=unmap detect-zeroes=unmap
    done
}

# One machine at a time: two emulated ones on the same processors make time-outs a lottery.
# The lock is held by file descriptor 8 until this process ends.
lock_machine() {
    mkdir -p "$CACHE"
    exec 8>"$CACHE/.lock-machine"
    flock -n 8 || {
        say "waiting: another virtual machine is running"
        flock 8
    }
}
