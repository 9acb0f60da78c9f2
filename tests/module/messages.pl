#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sends messages to a mapped device, one per line of stdin: messages.pl NAME [--watch]
#
# With --watch each message is followed by `status`, and instead of replies each line of stdout
# says what it then showed: EXTENTS BUCKETS.
#
# What `dmsetup message` does, without starting a process for each of some thousand messages
# (15 ms and more each on an emulated processor). Replies go to stdout; the first refusals go to
# stderr. Exit status 0 when all were accepted, else 1.
use strict;
use warnings;

use constant {
    DM_TARGET_MSG    => 0xc138fd0e,    # _IOWR(0xfd, 14, struct dm_ioctl)
    DM_DATA_OUT_FLAG => 1 << 16,
    HEADER           => 312,           # sizeof(struct dm_ioctl)
    ROOM             => 16384,
    SHOWN            => 5,
};

my $name = shift // die "usage: messages.pl NAME [--watch] <MESSAGES\n";
my $watch = (shift // '') eq '--watch';
open(my $control, '+<', '/dev/mapper/control') or die "/dev/mapper/control: $!\n";

# struct dm_ioctl: version[3], data_size, data_start, target_count, open_count, flags, event_nr,
# padding, dev, name[128], uuid[129], data[7]; then struct dm_target_msg: sector and the words.
sub message {
    my ($words) = @_;
    my $buffer = pack('L10Q', 4, 0, 0, ROOM, HEADER, 0, 0, 0, 0, 0, 0);
    $buffer .= pack('a128a129x7', $name, '');
    $buffer .= pack('Q', 0) . $words . "\0";
    $buffer .= "\0" x (ROOM - length $buffer);
    ioctl($control, DM_TARGET_MSG, $buffer) or return (0, "$!");
    my (undef, undef, undef, undef, $start, undef, undef, $flags) = unpack('L8', $buffer);
    return (1, '') unless $flags & DM_DATA_OUT_FLAG;
    my $reply = substr($buffer, $start);
    $reply =~ s/\0.*//s;
    return (1, $reply);
}

sub watched {
    my (undef, $status) = message('status');
    my ($extents) = $status =~ /^extents=(\d+)/m;
    my ($buckets) = $status =~ /^buckets=(\d+)/m;
    return "$extents $buckets";
}

my ($sent, $refused) = (0, 0);
while (my $line = <STDIN>) {
    chomp $line;
    my ($accepted, $text) = message($line);
    $sent++;
    $text = watched() if $accepted && $watch;
    if ($accepted) {
        print $text, $text =~ /\n\z/ ? '' : "\n" if length $text;
    } elsif (++$refused <= SHOWN) {
        print STDERR "refused: $line: $text\n";
    }
}
print STDERR "$refused of $sent messages were refused\n" if $refused;
exit($refused ? 1 : 0);
