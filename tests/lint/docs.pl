#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints what the sources say to users, one item a line, as KIND<tab>TEXT<tab>FILE. For docs.sh.
#
#   message   a message and its arguments, from the table in core/engine/command.h
#   key       a key of a reply
#   feature   a feature of the table line
#   sentence  a piece of a refusal: a literal of at least three words. Where a sentence has
#             numbers in it, each piece between them is one item.
use strict;
use warnings;

sub slurp {
    my ($file) = @_;
    open(my $in, '<', $file) or die "$file: $!\n";
    local $/;
    my $text = <$in>;
    $text =~ s{//[^\n]*}{}g;
    $text =~ s{/\*.*?\*/}{}gs;
    $text =~ s{\\\n}{\n}g;
    return $text;
}

# Literals that follow each other are one.
sub literals {
    my ($text) = @_;
    $text =~ s{"\s*"}{}g;
    return $text =~ /"((?:[^"\\\n]|\\.)*)"/g;
}

sub item { print join("\t", @_), "\n" }

my %arguments;    # of messages: no sentences, though they have spaces

sub messages {
    my ($file) = @_;
    my $text = slurp($file);
    while ($text =~ /\{Verb::\w+,\s*"(\w+)",\s*" ?([^"]*)"/g) {
        item('message', length $2 ? "$1 $2" : $1, $file);
        $arguments{$2} = 1;
    }
}

sub keys_of {
    my ($file) = @_;
    my $text = slurp($file);
    item('key', $1, $file) while $text =~ /report\(reply,\s*"(\w+)"/g;
    item('key', $1, $file) while $text =~ /"(\w+)="/g;
    item('key', $1, $file) while $text =~ /"(\w+)=\w+\\n"/g;
}

sub counters {
    my ($file) = @_;
    my $text = slurp($file);
    item('key', $1, $file) while $text =~ /\bX\((\w+), "/g;
}

sub features {
    my ($file) = @_;
    my $text = slurp($file);
    item('feature', $1, $file) while $text =~ /REMAP_FEATURE\("(\w+)"/g;
}

sub sentences {
    my ($file) = @_;
    my $text = slurp($file);
    $text =~ s/^\s*#\s*include.*$//gm;
    $text =~ s/\b(?:static_assert|MODULE_\w+)\s*\([^;]*;//gs;
    for my $literal (literals($text)) {
        next if $literal =~ /^(?:Adaptive|Added)/;
        # Placeholders, escapes and quotes end a piece: something is put in there.
        for my $piece (split /%\w+|\\n|\\"|(?<!\w)'|'(?!\w)/, $literal) {
            $piece =~ s/^\s+|\s+$//g;
            next if $piece eq 'is a number'; # what is not wrong with one
            next if $arguments{$piece} || $piece =~ /^</ && $piece =~ />$/;
            item('sentence', $piece, $file) if $piece =~ /\w+\W+\w+\W+\w+/;
        }
    }
}

messages('core/engine/command.h');
keys_of('core/engine/report.h');
counters('core/engine/counters.h');
features('core/engine/feature.h');
# What counters.h and report.h hold are names, not refusals.
sentences($_) for grep { !m{/(?:counters|report)\.h$} }
    glob('core/base/error.h core/base/word.h core/engine/*.h core/health/blame.h core/platform/io_status.h core/remap_core.cc');
# The shim's own refusals: the sentences it gives to dm.
for my $file (glob('kernel/*.c')) {
    my $text = slurp($file);
    item('sentence', $1, $file) while $text =~ /error\s*=\s*"([^"]+)"/g;
}
