#!/bin/sh
# cli: the command that writes what a sound becomes. cli.sh CARAT-ENGINE MODELS DATA
# OTHER-MODEL
set -eu
engine=$1
models=$2
data=$3
other=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
    echo "$1" >&2
    exit 1
}

# The shape that a NumPy file says it has.
shape() {
    head -c 128 "$1" | LC_ALL=C sed -n "s/.*'shape': (\([0-9]*, [0-9]*\)).*/\1/p"
}

embed() {
    "$engine" embed -m "$models/nano.gguf" "$@" 2>"$work/said"
}

embed --mmproj "$models/mmproj-nano.gguf" --audio "$data/speech15.wav" -o "$work/soft" ||
    die "embed failed: $(cat "$work/said")"
[ "$(shape "$work/soft")" = "23, 128" ] || die "soft tokens: $(shape "$work/soft")"
[ "$(wc -c <"$work/soft")" = $((128 + 23 * 128 * 4)) ] || die "size of the soft tokens"

embed --mel --audio "$data/tone440_1s.wav" -o "$work/mel" || die "embed --mel failed"
[ "$(shape "$work/mel")" = "99, 128" ] || die "log-mel: $(shape "$work/mel")"

# 10 ms give nothing, which is said.
head -c 364 "$data/n161.wav" | tail -c 320 >"$work/samples"
{
    printf 'RIFF\377\377\377\377WAVEfmt \020\000\000\000\001\000\001\000'
    printf '\200\076\000\000\000\175\000\000\002\000\020\000data\100\001\000\000'
    cat "$work/samples"
} >"$work/n160.wav"
embed --mmproj "$models/mmproj-nano.gguf" --audio "$work/n160.wav" -o "$work/none" ||
    die "160 samples: $(cat "$work/said")"
[ "$(shape "$work/none")" = "0, 128" ] || die "160 samples: $(shape "$work/none")"
grep -q 'too short' "$work/said" || die "160 samples: nothing said"

# 31 seconds of silence are cut to 30, which is said.
{
    printf 'RIFF\377\377\377\377WAVEfmt \020\000\000\000\001\000\001\000'
    printf '\200\076\000\000\000\175\000\000\002\000\020\000data\377\377\377\377'
    head -c 992000 /dev/zero
} >"$work/long.wav"
embed --mel --audio "$work/long.wav" -o "$work/long" || die "31 s: $(cat "$work/said")"
[ "$(shape "$work/long")" = "2999, 128" ] || die "31 s: $(shape "$work/long")"
grep -q 'only the first 30 of 31.0 seconds' "$work/said" || die "31 s: nothing said"

# Failures name what is wrong, and leave no file.
refuse() {
    status=$1
    word=$2
    shift 2
    rm -f "$work/out"
    found=0
    embed "$@" -o "$work/out" || found=$?
    [ "$found" = "$status" ] || die "$*: status $found instead of $status"
    grep -q "$word" "$work/said" || die "$*: said $(cat "$work/said")"
    [ ! -e "$work/out" ] || die "$*: left a file"
}
{
    head -c 24 "$data/n161.wav"
    printf '\350\003\000\000'
    tail -c +29 "$data/n161.wav"
} >"$work/slow.wav"
refuse 1 '1000 samples a second' --mel --audio "$work/slow.wav"
refuse 1 'not a WAV file' --mel --audio "$models/nano.gguf"
refuse 1 'the architecture is' --mmproj "$models/nano.gguf" --audio "$data/n161.wav"
refuse 1 'hidden size' -m "$other" --mmproj "$models/mmproj-nano.gguf" --audio "$data/n161.wav"
refuse 1 'nowhere' --mel --audio "$work/nowhere.wav"
refuse 2 'takes one --image FILE or one --audio FILE' --mmproj "$models/mmproj-nano.gguf"
refuse 2 'mmproj' --audio "$data/n161.wav"
refuse 2 'for a picture' --patches --audio "$data/n161.wav"
refuse 2 'for a picture' --budget 280 --mel --audio "$data/n161.wav"

# In fast arithmetic the same shape, and how long it takes.
embed --arithmetic fast --mmproj "$models/mmproj-nano.gguf" --audio "$data/speech15.wav" -o "$work/fast" ||
    die "embed in fast arithmetic failed: $(cat "$work/said")"
[ "$(shape "$work/fast")" = "23, 128" ] || die "fast soft tokens: $(shape "$work/fast")"
"$engine" bench -m "$models/nano.gguf" --mmproj "$models/mmproj-nano.gguf" --audio "$data/speech15.wav" --number |
    grep -Eq '^[0-9]+\.[0-9]{3}$' || die "bench of a sound"
"$engine" bench -m "$models/nano.gguf" --mmproj "$models/mmproj-nano.gguf" --audio "$data/speech15.wav" |
    grep -q '23 soft tokens in' || die "bench of a sound, in words"
