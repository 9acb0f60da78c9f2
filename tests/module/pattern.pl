#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes or checks sectors that say who they are:
#
#     pattern.pl write|check DEVICE SEED     ranges on stdin, one a line: START LENGTH
#
# Every 16 bytes of a sector hold the seed and the sector's number, so that data which comes from
# the wrong place, the wrong time or half from each is told from the right one.
use strict;
use warnings;
use IO::Handle;

my ($action, $device, $seed) = @ARGV;
die "usage: pattern.pl write|check DEVICE SEED <RANGES\n"
    unless defined $seed && $action =~ /\A(write|check)\z/;
open(my $file, $action eq 'write' ? '+<:raw' : '<:raw', $device) or die "$device: $!\n";

sub content {
    my ($start, $length) = @_;
    return join '', map { pack('Q>Q>', $seed, $_) x 32 } $start .. $start + $length - 1;
}

sub write_range {
    my ($start, $length) = @_;
    my $written = syswrite($file, content($start, $length));
    die "$device: write at sector $start: $!\n" unless ($written // 0) == $length * 512;
}

# Names the first sector that differs and what it holds instead.
sub check_range {
    my ($start, $length) = @_;
    my $got = sysread($file, my $data, $length * 512);
    die "$device: read at sector $start: $!\n" unless ($got // 0) == $length * 512;
    return if $data eq content($start, $length);
    for my $sector ($start .. $start + $length - 1) {
        my $found = substr($data, ($sector - $start) * 512, 512);
        next if $found eq content($sector, 1);
        my ($seed_found, $number) = unpack('Q>Q>', $found);
        die "$device: sector $sector holds seed $seed_found, sector $number; wanted seed $seed\n";
    }
}

while (my $line = <STDIN>) {
    my ($start, $length) = split ' ', $line;
    sysseek($file, $start * 512, 0) or die "$device: seek to sector $start: $!\n";
    $action eq 'write' ? write_range($start, $length) : check_range($start, $length);
}
$action eq 'check' or $file->sync or die "$device: fsync: $!\n";
