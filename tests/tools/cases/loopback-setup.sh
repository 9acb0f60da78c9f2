# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# dm-remap-loopback-setup where nothing is made: options, dry runs against golden output, refusals. What
# it makes is seen by tests/vm/cases/loopback-setup.sh and loopback-live.sh.
SETUP="$(dirname "$DMREMAP")/dm-remap-loopback-setup"
STATE=(--state-dir "$PWD/state")

# golden NAME OPTION... - the output of a dry run, with this folder as '.' and the two loop devices
# that are free here as numbers 0 and 1.
golden() {
    local name=$1 loops
    shift
    if ! "$SETUP" "${STATE[@]}" "$@" --dry-run >found 2>&1; then
        cp found output
        judge 0 1 '' "a dry run with $*"
        return
    fi
    mapfile -t loops < <(sed -nE 's/^# (main|spare) .* -> (.*)$/\2/p' found)
    sed -e "s,$PWD/,./,g" -e "s,${loops[0]}\\b,/dev/loop-MAIN,g" -e "s,${loops[1]}\\b,/dev/loop-SPARE,g" found |
        sed 's,loop-MAIN,loop0,; s,loop-SPARE,loop1,' >normal
    same "a dry run with $*" "$HERE/golden/loopback-$name" normal
}

# The launcher and the program are the same.
expect 0 'Exit codes: 0 done' "$SETUP" --help
expect 0 'Exit codes: 0 done' env DMREMAP_BUILD="$(dirname "$DMREMAP")/.." "$HERE/../../tools/dm-remap-loopback-setup/setup-dm-remap-test.sh" -h
expect 0 '^dm-remap-loopback-setup [0-9]' "$SETUP" --version

# Every option that --help shows is on the page, in the manual and known to the completion.
for option in $("$SETUP" --help | grep -oE '^  (-.,)?--[a-z-]+' | grep -oE -e '--[a-z-]+'); do
    for page in tools/dm-remap-loopback-setup/README.md docs/man/dm-remap-loopback-setup.8.scd tools/completion/dm-remap-loopback-setup; do
        expect 0 '' grep -qe "$option" "$HERE/../../$page"
    done
done

# gtest's own count is in its last lines.
expect 0 'PASSED' "$(dirname "$DMREMAP")/loopback-setup-test" --gtest_brief=1

golden default
golden count -M 1M -S 2M -c 10 --seed 7
golden percent -M 1M -S 2M -p 1.9 --seed 7 --sector-size 512 --no-sparse
printf '%s\n' '# three in a row, and one' 100 101-102 '255 # the last' >sectors.txt
golden file -m a.img -s b.img -M 1M -S 2M -f sectors.txt
golden clean -M 1M -S 2M --no-bad-sectors --sparse -v
expect 0 'bad +1280 of 25600 sectors of 4096 bytes' "$SETUP" "${STATE[@]}" -p 5 --dry-run
# A seed that was printed chooses the same again.
"$SETUP" "${STATE[@]}" -c 20 --dry-run >first
"$SETUP" "${STATE[@]}" -c 20 --seed "$(sed -nE 's/.*--seed ([0-9]+) .*/\1/p' first)" --dry-run >second
same "the seed that was printed" first second
"$SETUP" "${STATE[@]}" -c 20 --dry-run >third
expect 1 '' cmp -s first third

# Nothing was made by any of these.
expect 1 '' test -e state
expect 1 '' test -e main.img

# Wrong arguments.
expect 1 "'12x': expected a whole number" "$SETUP" --dry-run -c 12x
expect 1 'expected at least 1' "$SETUP" --dry-run -c 0
expect 1 '25601 bad sectors were asked for; of the 25600 sectors of main 25600' "$SETUP" --dry-run -c 25601
expect 1 'expected a percentage' "$SETUP" --dry-run -p 0
expect 1 'rounded down, is none' "$SETUP" --dry-run -p 0.001 -M 1M
expect 1 'expected a percentage' "$SETUP" --dry-run -p 100.1
expect 1 'expected 512 or 4096' "$SETUP" --dry-run --sector-size 1024
expect 1 'expected whole sectors of 4096' "$SETUP" --dry-run -M 1000000
expect 1 'expected a size' "$SETUP" --dry-run -S lots
expect 1 'smaller than its own metadata' "$SETUP" --dry-run -S 64K
expect 1 'excludes' "$SETUP" --dry-run -c 1 -p 1
expect 1 'excludes' "$SETUP" --dry-run -c 1 -f sectors.txt
expect 1 'excludes' "$SETUP" --dry-run -c 1 --no-bad-sectors
expect 1 'excludes' "$SETUP" --dry-run --sparse --no-sparse
expect 1 'excludes' "$SETUP" --cleanup --add-bad-sectors -c 1
expect 1 'excludes' "$SETUP" --add-bad-sectors -c 1 -M 1G
expect 1 'say which, with -c, -p or -f' "$SETUP" --add-bad-sectors
expect 1 'give -c or -p with it' "$SETUP" --dry-run --seed 5
expect 1 'the same file' "$SETUP" --dry-run -m x.img -s ./x.img -S 100M
expect 1 'No such file' "$SETUP" --dry-run -f none.txt
PROGRAM=dm-remap-loopback-setup refuses 1 'The following argument was not expected: surplus; --help shows the options' "$SETUP" --dry-run surplus
printf '%s\n' 1 x 3-2 256 >wrong.txt
expect 1 "wrong.txt:2: 'x': expected a sector number" "$SETUP" --dry-run -M 1M -S 2M -f wrong.txt
expect 1 "wrong.txt:3: '3-2': the range ends before it begins" "$SETUP" --dry-run -M 1M -S 2M -f wrong.txt
expect 1 "wrong.txt:4: '256': beyond the end of main, whose sectors are 0 to 255" "$SETUP" --dry-run -M 1M -S 2M -f wrong.txt
expect 1 'more than 1048576 segments' "$SETUP" --dry-run -M 8G --sector-size 512 -c 1500000

# What is there already.
truncate -s 50M main.img
expect 5 'has 52428800 bytes \(50 MiB\), not 104857600 bytes \(100 MiB\); it stays' "$SETUP" --dry-run
expect 0 'main .*main.img, 52428800 bytes \(50 MiB\), as it is' "$SETUP" "${STATE[@]}" --dry-run -M 52428800
expect 4 'no regular file' "$SETUP" --dry-run -m .
new_set --overwrite
expect 0 "0 $SECTORS dm-remap /dev/mapper/dm-test-linear /dev/loop[0-9]+ 2 set $SET" \
    "$SETUP" "${STATE[@]}" --dry-run -M "${MIB}M" -S "${MIB}M"
mkdir state
printf 'dm-remap-loopback-setup 1\nfile 1 2 /x\nend\n' >state/record
expect 5 'did not come to its end; --cleanup removes what it made' "$SETUP" "${STATE[@]}" --dry-run
printf 'dm-remap-loopback-setup 1\nfile 1 2 /x\ncomplete\nend\n' >state/record
expect 5 'there is a set-up already' "$SETUP" "${STATE[@]}" --dry-run
printf 'dm-remap-loopback-setup 1\nfile 1 2 /x\n' >state/record
expect 4 'breaks off' "$SETUP" "${STATE[@]}" --dry-run

# Cleaning up: what bears another mark stays.
echo precious >kept
printf 'dm-remap-loopback-setup 1\nfile 1 2 %s\nfile 1 3 %s\nend\n' "$PWD/kept" "$PWD/never" >state/record
expect 0 "kept is another file than the one that was made; it stays" "$SETUP" "${STATE[@]}" --cleanup --dry-run
expect 0 "never is gone already" "$SETUP" "${STATE[@]}" --cleanup --dry-run
if ((EUID == 0)); then
    expect 0 "kept is another file than the one that was made; it stays" "$SETUP" "${STATE[@]}" --cleanup
    expect 0 '' grep -q precious kept
    expect 1 '' test -e state/record
    printf 'dm-remap-loopback-setup 1\nfile %s %s\nend\n' "$(stat -c '%d %i' kept)" "$PWD/kept" >state/record
    expect 0 'cleaned up: of 1 things on record none is left' "$SETUP" "${STATE[@]}" --cleanup
    expect 1 '' test -e kept
    expect 0 'there is nothing to clean up' "$SETUP" "${STATE[@]}" --cleanup
else
    expect 2 'as root' "$SETUP" "${STATE[@]}" --cleanup
    expect 2 'by root only' "$SETUP" "${STATE[@]}"
fi

# The script says the same as the dry run, in a form that the shell takes.
rm -rf main.img spare.img state
"$SETUP" "${STATE[@]}" -M 1M -S 2M -c 10 --seed 7 --output-script made.sh --dry-run >first
expect 0 '' bash -n made.sh
sed -n '/^dmsetup create dm-test-linear/,/^END_OF_TABLE/p' made.sh | sed '1d;$d; s,\$MAIN,/dev/loop0,' >from-script
sed -n '/^# dm-test-linear/,/^# dm-test-remap/p' "$HERE/golden/loopback-count" | sed '1d;$d' >from-golden
same "the table in the script" from-golden from-script
! command -v shellcheck >/dev/null || expect 0 '' shellcheck made.sh
"$SETUP" "${STATE[@]}" -M 1M -S 2M --output-script made.sh --dry-run >first
expect 0 '^0 2048 linear \$MAIN 0$' cat made.sh
echo mine >other.sh
expect 5 'no script of this program; it stays' "$SETUP" "${STATE[@]}" --output-script other.sh --dry-run
expect 0 '^mine$' cat other.sh
