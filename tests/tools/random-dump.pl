#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints a dump with random extents: random-dump.pl SEED MAIN-SECTORS SPARE-SECTORS[,SPARE-SECTORS...] DATA-SECTORS
# DATA-SECTORS are those of all spares. Places are handed out in random order and may follow each other, a few others are bad, states alternate, blocks are 512 or
# 4096 bytes.
use strict;
use warnings;

my ($seed, $main, $spares, $data) = @ARGV;
srand($seed);
my $block = (1, 1, 8)[int rand 3];
my $unit = 64;
my @units = sort { rand() <=> 0.5 } 0 .. int($data / $unit) - 1;
my @lines;
my $at = 0;
my $wanted = 1 + int rand 400;
while (@lines < $wanted && @units) {
    $at += $block * (0, 0, 1, 7, 250)[int rand 5];
    my $length = $block * (1 + int rand($unit / $block));
    last if $at + $length > $main;
    my $state = ('active', 'active', 'lost', 'pending')[int rand 4];
    if ($state eq 'pending') {
        push @lines, "extent $at - $length pending - -";
    } else {
        my $place = $unit * shift @units;
        my $begin = $at && rand() < 0.2 ? 'more' : 'added';
        push @lines, "extent $at $place $length $state $begin -";
    }
    $at += $length;
}
printf "dm-remap-dump 1\nset 6ba7b810-9dad-41d1-80b4-%012x\nmain_sectors %d\n", $seed, $main;
print "main_id wwn-0x5000%25$seed\n" if $seed % 2;
printf "block_bytes %d\n", 512 * $block;
print "spare_sectors $_\n" for split /,/, $spares;
print "max_extents 1024\n";
print "$_\n" for @lines;
printf "extents %d\n", scalar @lines;
# Places that failed, apart from each other.
my @bad = map { "bad " . $_ * $unit . ' ' . $block } sort { $a <=> $b } grep { defined } @units[0 .. int rand 5];
print map { "$_\n" } @bad;
printf "bad_places %d\n", scalar @bad if @bad;
print "end\n";
