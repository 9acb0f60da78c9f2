# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# dmremap-status without a device: every format of every kind of line, what is refused, and how it
# ends. DMREMAP_GOLDEN=write writes the expected outputs anew, to be read before they are committed.
STATUS=${DMREMAP%/*}/dmremap-status
GOLDEN=$HERE/golden/status

# timeless - a time stamp is of the right form, and then no more of interest.
timeless() { sed -E 's/\b20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z/TIME/'; }

for line in "$GOLDEN"/*.line; do
    name=$(basename "$line" .line)
    for format in human json csv raw compact; do
        "$STATUS" -i "$line" -f "$format" | timeless >got || true
        [[ ${DMREMAP_GOLDEN:-} != write ]] || cp got "$GOLDEN/$name.$format"
        same "$name as $format" "$GOLDEN/$name.$format" got
    done
done

# What the sum of the golden files must show, whoever wrote them.
expect 0 '^v4.0-phase1.4: health=100% latency=6.2us throughput=20186MB/s errors=1 hotspots=2$' \
    "$STATUS" -f compact -i "$GOLDEN/predecessor.line"
expect 0 '^dm-remap: health=99% latency=- throughput=- errors=0 hotspots=- lost=0 pending=0 state=operational$' \
    "$STATUS" -f compact -i "$GOLDEN/ours.line"
expect 0 '"avg_latency_ns": null' "$STATUS" --format json --input "$GOLDEN/ours.line"
expect 0 '"throughput_mbps": null' "$STATUS" --format json --input "$GOLDEN/ours.line"
expect 0 'Avg Latency +: not measured' "$STATUS" --input "$GOLDEN/ours.line"
expect 0 'a status line does not tell it: ask the device' "$STATUS" --input "$GOLDEN/ours.line"
expect 0 '"total_errors": 153$' "$STATUS" -f json -i "$GOLDEN/ours-ill.line"
expect 0 '"total_remaps": 250000,' "$STATUS" -f json -i "$GOLDEN/ours-ill.line"
for format in human json csv compact; do
    "$STATUS" -i "$GOLDEN/ours.line" -f "$format" >got
    expect 1 '' grep -iE 'cache( |=|":)' got
done
# JSON is JSON, CSV has one value for each name.
if command -v python3 >/dev/null; then
    expect 0 '^dm-remap-v4 39 /dev/a,b$' python3 -c '
import json, csv, subprocess, sys
def run(format): return subprocess.run([sys.argv[1], "-i", sys.argv[2], "-f", format], stdout=subprocess.PIPE, text=True, check=True).stdout
document = json.loads(run("json"))
names, values = csv.reader(run("csv").splitlines())
row = dict(zip(names, values, strict=True))
print(document["device"]["target"], document["health"]["score"], row["device"])' \
        "$STATUS" "$GOLDEN/predecessor-ill.line"
fi

# Rating words at their borders.
ours() { sed "s/ ok 99 / ok $1 /" "$GOLDEN/ours.line"; }
while read -r score word; do
    expect 0 "\[$word $score/100\]" "$STATUS" -i <(ours "$score")
done <<END
100 EXCELLENT
95 EXCELLENT
94 GOOD
80 GOOD
79 FAIR
60 FAIR
59 POOR
40 POOR
39 CRITICAL
0 CRITICAL
END
theirs() { sed "s/ 6227 / $1 /" "$GOLDEN/predecessor.line"; }
while read -r ns word; do
    expect 0 "Avg Latency .*\[$word\]" "$STATUS" -i <(theirs "$ns")
done <<END
0 EXCELLENT
9999 EXCELLENT
10000 GOOD
49999 GOOD
50000 FAIR
99999 FAIR
100000 POOR
999999 POOR
1000000 CRITICAL
END

# Standard input; the name that dmsetup prints in front.
ours 99 | sed 's/$/\r/' >crlf
expect 0 'health=99%' "$STATUS" -f compact -i crlf
answer "$(cat "$GOLDEN/ours.line")" 0 'health=99%' "$STATUS" -f compact -i -
answer "$(cat "$GOLDEN/predecessor.line")" 0 '^v4.0-phase1.4: health=100% latency=6.2us ' "$STATUS" -f compact -i -
expect 0 '^31$' awk '{ print NF }' "$GOLDEN/predecessor.line"
expect 0 '"name": "my-remap"' "$STATUS" -f json -i "$GOLDEN/ours-ill.line"

# Malformed lines, each with one sentence: what is changed, and what is said.
mangle() { sed -E "$1" "$GOLDEN/$2.line"; }
while IFS='|' read -r kind change said; do
    mangle "$change" "$kind" >line
    expect 4 "^dmremap-status: not a status line of dm-remap: $said\$" "$STATUS" -i line
    cp output said
    expect 0 '^1$' grep -c '' said
done <<'END'
ours|s/dm-remap/linear/|the target is 'linear'
ours|s/^0/x/|field 1, start, is 'x' and not a number
ours|s/1024000/-1/|field 2, length, is '-1' and not a number
ours|s/1024000/18446744073709551616/|field 2, length, is '18446744073709551616' and not a number
ours|s/ ok / well /|field 4, mode, is 'well' and not ok, degraded, readonly, fail
ours|s/ 99 / 101 /|field 5, health, is 101 and not 0 to 100
ours|s/ 1 100 / 1 1e2 /|field 7, mapped sectors, is '1e2' and not a number
ours|s,100/987328,100,|field 8, spare, is '100' and not 2 numbers with '/' between them
ours|s,100/987328,100/987328/,|field 8, spare, is '100/987328/' and not 2 numbers with '/' between them
ours|s,1/128000,1/,|field 9, metadata, is '1/' and not 2 numbers with '/' between them
ours|s,1/0/0,1/0,|field 14, remaps, is '1/0' and not 3 numbers with '/' between them
ours|s, main_unverified,,|it ends before field 18, a flag
ours|s, 64 .*,,|it ends before field 15, buckets
ours|s,.*,nonsense,|field 1, start, is 'nonsense' and not a number
ours|s,.*,0 8 dm-remap,|it ends before field 4, mode
ours|s,ok,\x1b[31mok,|there is a control character in it
ours|s,ok,\x7fok,|there is a control character in it
predecessor|s, real,,|it ends before field 31, mode
predecessor|s, operational, broken,|field 30, state, is 'broken' and not operational, maintenance
predecessor|s, 100 2 2, 101 2 2,|field 27, health score, is 101 and not 0 to 100
predecessor|s, 512 , 512k ,|field 16, sector size, is '512k' and not a number
END
: >empty
expect 4 'empty has no status line in it' "$STATUS" -i empty
cat "$GOLDEN"/ours{,-ill}.line >two
expect 4 'two has more than one line' "$STATUS" -i two
expect 4 'standard input has no status line' "$STATUS" -i -
expect 4 'none.line: No such file' "$STATUS" -i none.line
expect 4 'Is a directory' "$STATUS" -i .
head -c 100000 /dev/urandom >noise
expect 4 '^dmremap-status: ' "$STATUS" -i noise

# No end to it: no more is read than a status line can have.
expect 4 'control character' timeout 10 "$STATUS" -i /dev/zero

# Arguments.
expect 1 'a DEVICE, or a file with --input' "$STATUS"
expect 1 'not both' "$STATUS" my-remap -i two
expect 1 '--watch needs a DEVICE or a file' "$STATUS" -i - -w 1
expect 1 '--measure needs a DEVICE' "$STATUS" -i two --measure
# shellcheck disable=SC2034 # of refuses
PROGRAM=dmremap-status
refuses 1 '--format: xml not in \{human,json,csv,raw,compact\}; --help shows the options' "$STATUS" -i two -f xml
refuses 1 '--watch: Value 0 not in range 0.1.* to 86400.*; --help shows the options' "$STATUS" -i two -w 0
refuses 1 '--watch: Value soon not in range 0.1.* to 86400.*; --help shows the options' "$STATUS" -i two -w soon
refuses 1 'The following argument was not expected: --nonsense; --help shows the options' "$STATUS" --nonsense
unset PROGRAM
expect 0 '--no-color' "$STATUS" -h
expect 0 '^dmremap-status [0-9]+\.[0-9]+' "$STATUS" -v
expect 1 'standard output: No space left' bash -c '"$1" -i "$2" >/dev/full' - "$STATUS" "$GOLDEN/ours.line"

# Devices: root is told that it is not there (or device-mapper is not), anybody else is told why not.
if ((EUID == 0)); then
    expect 4 '^dmremap-status: ' "$STATUS" no-such-device
    exec 9<"$STATUS"
    expect 2 'by root only' setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/9 no-such-device
    exec 9<&-
else
    expect 2 'by root only' "$STATUS" no-such-device
fi

# Colours: on a terminal, and nowhere else.
terminal() { script -qec "$1" /dev/null </dev/null; }
expect 0 $'\033\\[32mEXCELLENT' terminal "'$STATUS' -i '$GOLDEN/ours.line'"
for plain in "$STATUS -n" "$STATUS --no-color" "NO_COLOR=1 $STATUS"; do
    terminal "$plain -i '$GOLDEN/ours.line'" >got
    expect 0 'EXCELLENT' cat got
    expect 1 '' grep -q $'\033' got
done
expect 0 $'\033\\[32mEXCELLENT' terminal "NO_COLOR= '$STATUS' -i '$GOLDEN/ours.line'"
"$STATUS" -i "$GOLDEN/ours.line" >got
expect 1 '' grep -q $'\033' got
# The same columns with colours as without.
terminal "'$STATUS' -i '$GOLDEN/ours-ill.line'" | tr -d '\r' | sed 's/\x1b\[[0-9]*m//g' >got
same 'colours take no columns' "$GOLDEN/ours-ill.human" got

# Watching: again and again, the names of CSV once; what the file says then.
cp "$GOLDEN/ours.line" moving
(sleep 1 && ours 50 >moving.new && mv moving.new moving) &
timeout 2.2 "$STATUS" -i moving -w 0.2 -f csv >got || true
wait
expect 0 '^1$' grep -c '^timestamp,' got
expect 0 ',99,EXCELLENT,' cat got
expect 0 ',50,POOR,' cat got
expect 0 '' test "$(wc -l <got)" -ge 4
expect 124 '' timeout 1 "$STATUS" -i moving -w 0.3
cp output got
expect 0 '^┌' cat got
expect 1 '' grep -q $'\033' got
terminal "timeout 1 '$STATUS' -n -i moving -w 0.3 || true" >got
expect 0 $'\033\\[H\033\\[J' cat got
rm moving
expect 4 'moving: No such file' "$STATUS" -i moving -w 0.2

# The page for users shows what the program prints.
sed -n '/^┌/,/^└/p' "$HERE/../../docs/user/monitoring.md" >got
same 'the box in docs/user/monitoring.md' "$GOLDEN/ours.human" got

# Completion.
complete_with() {
    bash -c '. "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _dmremap_status; echo "${COMPREPLY[@]}"' - \
        "$HERE/../../tools/completion/dmremap-status" dmremap-status "$@"
}
expect 0 '^json$' complete_with -f j
expect 0 '^human json csv raw compact$' complete_with --format ''
expect 0 '^--measure$' complete_with --m
expect 0 '^two$' complete_with -i tw
