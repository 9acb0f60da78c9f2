# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 420
#
# dm-remap-loopback-setup on real devices: the command lines of its README as they stand there, that
# exactly the sectors named are bad, that a dry run tells the truth, and that --cleanup neither leaves
# anything nor takes what is somebody else's.

TOOL=/bench/tools/dm-remap-loopback-setup
LINEAR=/dev/mapper/dm-test-linear
REMAP=/dev/mapper/dm-test-remap
RECORD=/run/dm-remap-loopback-setup/record

# The command lines begin with it; there is no such program here, and nobody but root.
# shellcheck disable=SC2329 # by eval
sudo() { "$@"; }

# readme BLOCK - the command lines of its BLOCKth block that call the launcher with sudo.
readme() {
    awk -v block="$1" '/^```bash/ { n++; on = 1; next } /^```/ { on = 0 } on && n == block && /^sudo /' "$TOOL/README.md"
}

# bad_in_table - the sectors (512 bytes) of all error segments that are loaded, in units of $1.
bad_in_table() {
    dmsetup table dm-test-linear | awk -v unit="$1" '$3 == "error" { for (i = 0; i < $2; i += unit) print $1 + i }'
}

# bad_in_truth UNIT - what cannot be read from the device.
bad_in_truth() { vm-test-sectors errors "$LINEAR" 0 "$(sectors "$LINEAR")" direct "$1" | sed 's/ EIO$//'; }

# nothing_left - as if nothing had been.
nothing_left() {
    eq "mapped devices after $1" "$(dmsetup ls | sed 's/^No devices found$//')" ''
    eq "loop devices after $1" "$(losetup -ln -O NAME)" ''
    eq "files after $1" "$(find . -name '*.img*')" ''
    [[ ! -e $RECORD ]] || fail "the record is left after $1"
}

command_lines() {
    local -a lines
    local before sector
    mapfile -t lines < <(readme 1)
    eq "the README's lines" "$(printf '%s;' "${lines[@]}")" "sudo ./tools/dm-remap-loopback-setup/setup-dm-remap-test.sh -c 50;\
sudo ./tools/dm-remap-loopback-setup/setup-dm-remap-test.sh --add-bad-sectors -c 50 -v;\
sudo ./tools/dm-remap-loopback-setup/setup-dm-remap-test.sh --cleanup;"
    ln -s /bench/tools tools
    check "$(sed 's/.*test.sh//' <<<"${lines[0]}")" eval "${lines[0]}"
    eq "size of main and spare" "$(sectors "$REMAP") $(stat -c %s spare.img)" "204800 20971520"
    eq "dm-remap is over it" "$(dmsetup table dm-test-remap | cut -d' ' -f1-3)" "0 204800 dm-remap"
    eq "bad sectors" "$(bad_in_table 8 | wc -l)" 50
    before=$(bad_in_table 8)
    eq "exactly these fail" "$(bad_in_truth 8)" "$before"
    sector=$(head -n 1 <<<"$before")
    expect_fail "dd of a bad one" dd if=$LINEAR of=/dev/null bs=4096 skip=$((sector / 8)) count=1 iflag=direct status=none
    expect_fail "dd onto a bad one" dd if=/dev/zero of=$LINEAR bs=4096 seek=$((sector / 8)) count=1 oflag=direct status=none
    check "$(sed 's/.*test.sh//' <<<"${lines[1]}")" eval "${lines[1]}"
    eq "bad sectors" "$(bad_in_table 8 | wc -l)" 100
    eq "the first ones among them" "$(bad_in_table 8 | grep -cxFf <(echo "$before"))" 50
    eq "exactly these fail" "$(bad_in_truth 8)" "$(bad_in_table 8)"
    eq "neither is left suspended" "$(dmsetup info -c --noheadings -o suspended | sort -u)" Active
    check "$(sed 's/.*test.sh//' <<<"${lines[2]}")" eval "${lines[2]}"
    nothing_left "--cleanup"
}

more_command_lines() {
    local -a lines
    printf '1000\n2000 # a comment\n3000-3004\n' >my_sectors.txt
    mapfile -t lines < <(readme 2)
    eq "lines" "${#lines[@]}" 3
    check "$(sed 's/.*test.sh//' <<<"${lines[0]}")" eval "${lines[0]}"
    eq "5 % of 262144" "$(bad_in_table 8 | wc -l)" 13107
    check "$(sed 's/.*test.sh//' <<<"${lines[1]}")" eval "${lines[1]}"
    eq "those of the file are bad" "$(bad_in_table 8 | grep -cxE '8000|16000|24000|24008|24016|24024|24032')" 7
    eq "in the first 200 MiB exactly what the table says fails" \
        "$(vm-test-sectors errors "$LINEAR" 0 409600 direct 8 | cut -d' ' -f1 | sha256sum)" \
        "$(bad_in_table 8 | awk '$1 < 409600' | sha256sum)"
    check "the same once more changes nothing" eval "${lines[1]} | grep 'nothing was changed'"
    check "$(sed 's/.*test.sh//' <<<"${lines[2]}")" eval "${lines[2]}"
    nothing_left "--cleanup"
}

# as_printed NAME - the table that is loaded, with paths for the two loop devices and the one below.
as_printed() {
    dmsetup table "$1" | sed -E 's, 7:([0-9]+), /dev/loop\1,g; s, 25[0-9]:0 , /dev/mapper/dm-test-linear ,; s, 2 set .*,,; s, *$,,'
}

dry_run_is_true() {
    local options
    for options in "-c 50 --seed 1" "-p 2.5 --seed 2 --sector-size 512 -M 20M -S 10M" "--no-bad-sectors --no-sparse" "-f my_sectors.txt"; do
        # shellcheck disable=SC2086 # words
        dm-remap-loopback-setup $options --dry-run | grep -v '^#' >printed
        # shellcheck disable=SC2086
        dm-remap-loopback-setup $options --output-script made.sh >/dev/null
        { as_printed dm-test-linear; as_printed dm-test-remap; } >loaded
        check "what a dry run prints for '$options' is what is loaded" cmp printed loaded
        dm-remap-loopback-setup --add-bad-sectors -c 20 --seed 3 --dry-run | grep -v '^#' | sed 's, 7:, /dev/loop,' >printed
        dm-remap-loopback-setup --add-bad-sectors -c 20 --seed 3 >/dev/null
        as_printed dm-test-linear >added
        check "the same on the fly" cmp printed added
        dm-remap-loopback-setup --cleanup >/dev/null
        nothing_left "'$options'"
        bash made.sh
        { as_printed dm-test-linear; as_printed dm-test-remap; } >by-script
        check "its script does the same" cmp loaded by-script
        dm-remap-loopback-setup --add-bad-sectors -c 20 --seed 3 --dry-run --output-script add.sh >/dev/null
        bash add.sh
        check "the script for more, too" cmp added <(as_printed dm-test-linear)
        dmsetup remove dm-test-remap
        dmsetup remove dm-test-linear
        losetup -D
        rm ./*.img
    done
}

allocated() {
    dm-remap-loopback-setup --no-sparse -M 8M -S 4M >/dev/null
    eq "blocks of a file that is not sparse" "$(stat -c %b main.img)" 16384
    eq "logical block of the devices" "$(blockdev --getss "$REMAP")" 4096
    dm-remap-loopback-setup --cleanup >/dev/null
    dm-remap-loopback-setup --sector-size 512 -M 8M -S 4M >/dev/null
    eq "of 512 bytes" "$(blockdev --getss "$REMAP")" 512
    dm-remap-loopback-setup --cleanup >/dev/null
}

# own_files - elsewhere and with other names, new ones and one with content; and what -v says of it all.
own_files() {
    local main="$PWD/a disk/main" spare=$PWD/spares/one.bin loops content
    mkdir "a disk" spares
    dm-remap-loopback-setup -m "a disk/main" -s spares/one.bin -M 8M -S 4M -c 3 --seed 1 -v >said
    mapfile -t loops < <(sed -n 's/.* attached to //p' said)
    eq "what it says, step by step" "$(head -n 6 said)" "$main made
$main attached to ${loops[0]}
$spare made
$spare attached to ${loops[1]}
dm-test-linear created, $(dmsetup table dm-test-linear | wc -l) segments
dm-test-remap created, 1 segments"
    eq "sizes" "$(stat -c %s "$main" "$spare" | paste -sd ' ')" '8388608 4194304'
    eq "what is behind the loop devices" "$(losetup -ln -O BACK-FILE "${loops[0]}"; losetup -ln -O BACK-FILE "${loops[1]}")" "$main
$spare"
    eq "main is below" "$(dmsetup deps -o devname dm-test-linear | sed 's/.*: //')" "(${loops[0]#/dev/})"
    eq "no file of another name" "$(find . -name '*.img*')" ''
    printf '7\n100-101\n' >few.txt
    dm-remap-loopback-setup --add-bad-sectors -f few.txt -v >said
    eq "what became bad" "$(grep '^bad:' said | paste -sd ';')" 'bad: 7-7;bad: 100-101'
    dm-remap-loopback-setup --cleanup -v >said
    eq "what it removed, from the top" "$(head -n 6 said)" "dm-test-remap removed
dm-test-linear removed
${loops[1]} removed
$spare removed
${loops[0]} removed
$main removed"
    eq "files" "$(find "a disk" spares -type f)" ''
    nothing_left "--cleanup"
    head -c 8M /dev/urandom >"$main"
    content=$(sha256sum <"$main")
    dm-remap-loopback-setup -m "a disk/main" -s spares/one.bin -M 8M -S 4M -v >said
    check "a file that was there was not made" test "$(grep -c ' made$' said)" == 1
    eq "its content is that of the device" "$(sha256sum <"$REMAP")" "$content"
    dm-remap-loopback-setup --cleanup >/dev/null
    eq "and stays" "$(sha256sum <"$main")" "$content"
    eq "alone" "$(find "a disk" spares -type f)" "a disk/main"
    rm -r "a disk" spares
    nothing_left "own files"
}

refused() {
    truncate -s 1M main.img
    expect_fail "a file of another size" dm-remap-loopback-setup
    matches "says what it found" "$OUTPUT" 'main.img exists already and has 1048576 bytes \(1 MiB\), not 104857600'
    eq "which stays" "$(stat -c %s main.img)" 1048576
    rm main.img
    mkloop OTHER 8M
    mklinear dm-test-remap "$OTHER"
    expect_fail "a device of that name" dm-remap-loopback-setup -c 5
    matches "says so" "$OUTPUT" 'dm-test-remap exists already and was not made by this program'
    check "--cleanup leaves it" dm-remap-loopback-setup --cleanup
    check "it is there" dmsetup info dm-test-remap
    dmsetup remove dm-test-remap
    expect_fail "a file in use" dm-remap-loopback-setup -m OTHER.img -M 8M
    matches "says by whom" "$OUTPUT" "OTHER.img is attached to $OTHER already"
    losetup -d "$OTHER"
    rm OTHER.img
    expect_fail "nothing to add to" dm-remap-loopback-setup --add-bad-sectors -c 5
    matches "says so" "$OUTPUT" 'there is no device dm-test-linear yet'
    mkloop OTHER 8M
    mkdm dm-test-linear "0 8192 linear $OTHER 8192"
    expect_fail "somebody's table" dm-remap-loopback-setup --add-bad-sectors -c 5
    matches "says so" "$OUTPUT" "not made by this program: '0 8192 linear 7:[0-9]+ 8192'"
    dmsetup remove dm-test-linear
    losetup -d "$OTHER"
    rm OTHER.img
    dm-remap-loopback-setup -M 8M -S 4M >/dev/null
    expect_fail "a second set-up" dm-remap-loopback-setup
    expect_fail "another sector size" dm-remap-loopback-setup --add-bad-sectors -c 5 --sector-size 512
    exec {held}<"$REMAP"
    expect_fail "cleaning up what is in use" dm-remap-loopback-setup --cleanup
    matches "says so" "$OUTPUT" 'dm-test-remap is in use: unmount'
    exec {held}<&-
    dm-remap-loopback-setup --cleanup >/dev/null
    nothing_left "refusals"
}

no_module() {
    local module
    modprobe -r dm-remap
    module=$(modinfo -n dm-remap)
    mv "$module" kept.ko
    expect_fail "no module" dm-remap-loopback-setup
    mv kept.ko "$module"
    eq "one sentence" "$OUTPUT" "dm-remap-loopback-setup: the kernel has no device-mapper target 'dm-remap': \
'modprobe dm-remap' loads its module, 'make module install' installs it"
    nothing_left "no module"
}

only_its_own() {
    truncate -s 8M main.img
    mkloop FOREIGN 8M
    mklinear foreign "$FOREIGN"
    dm-remap-loopback-setup -M 8M -S 4M >/dev/null
    # Somebody takes a name that was recorded.
    dmsetup remove dm-test-remap
    mklinear dm-test-remap "$FOREIGN"
    mv spare.img moved
    echo precious >spare.img
    dm-remap-loopback-setup --cleanup >output 2>&1
    check "the other device of that name stays, and is mentioned" grep 'dm-test-remap is another device than the one that was made' output
    check "so does the file" grep 'spare.img is another file than the one that was made' output
    eq "its content" "$(<spare.img)" precious
    eq "the file that was there before" "$(stat -c %s main.img)" 8388608
    eq "mapped devices" "$(dmsetup ls | cut -f1 | sort | paste -sd ' ')" 'dm-test-remap foreign'
    eq "loop devices" "$(losetup -ln -O NAME)" "$FOREIGN"
    dmsetup remove dm-test-remap
    dmsetup remove foreign
    losetup -d "$FOREIGN"
    rm FOREIGN.img main.img spare.img moved
    nothing_left "all of it"
}

command_lines
more_command_lines
dry_run_is_true
allocated
own_files
refused
no_module
only_its_own
