#!/bin/sh
# cli: carat-engine as a user runs it, on the small model.
#   cli.sh CARAT_ENGINE MODEL
set -eu

engine=$1
model=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect_status STATUS COMMAND...: runs it and compares the exit status; what it said is in $folder.
expect_status() {
    expected=$1
    shift
    status=0
    "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
    [ "$status" -eq "$expected" ] || fail "status $status, not $expected: $*: $(cat "$folder/err")"
}

# Text to ids and back: the same bytes, also such that are no text.
printf 'Hello  w\303\266rld,\n\n\tread <bos> \360\237\231\202\n\377\001' >"$folder/text"
"$engine" tokenize -m "$model" <"$folder/text" >"$folder/ids.json"
"$engine" detokenize -m "$model" <"$folder/ids.json" >"$folder/back"
cmp "$folder/text" "$folder/back" || fail "tokenize and detokenize differ"

# Control tokens only where they are asked for.
[ "$(printf '<bos>' | "$engine" tokenize -m "$model" --control)" = "[2]" ] || fail "--control"
[ "$(printf '<bos>' | "$engine" tokenize -m "$model")" != "[2]" ] || fail "a control token from text"

# Logits: 6 rows of 3072 floats behind a header of 128 bytes, the same however they are cut.
printf '{"note": [1, {"x": "\\"]"}], "ids": [2, 105, 300, 301, 302, 303]}' >"$folder/six.json"
"$engine" logits -m "$model" --ids "$folder/six.json" -o "$folder/whole.npy"
[ "$(wc -c <"$folder/whole.npy")" -eq $((128 + 6 * 3072 * 4)) ] || fail "size of the .npy file"
head -c 128 "$folder/whole.npy" | grep -q "'shape': (6, 3072)" || fail "header of the .npy file"
"$engine" logits -m "$model" --ids "$folder/six.json" -o "$folder/cut.npy" --chunk 4 --threads=1
cmp "$folder/whole.npy" "$folder/cut.npy" || fail "logits depend on --chunk"

# A plan: what is needed and whether it fits, without opening the model.
"$engine" plan -m "$model" --context 1000 --kv f16 --threads 2 >"$folder/plan"
grep -Eq '^  keys and values +0\.5 MiB$' "$folder/plan" || fail "plan: $(cat "$folder/plan")"
grep -q '^fits; the largest context that would is 8192$' "$folder/plan" || fail "plan: $(cat "$folder/plan")"
"$engine" plan -m "$model" --json --memory 9000000 --threads 1 >"$folder/plan.json"
grep -Eq '^\{"mapped_bytes": 3763904, .*"memory_bytes": 9000000, "context": 8192, "largest_context": [0-9]+, "fits": false\}$' \
    "$folder/plan.json" || fail "plan --json: $(cat "$folder/plan.json")"
"$engine" plan -m "$model" --memory 1000 | grep -q '^does not fit, and no context would$' || fail "plan --memory"
expect_status 1 "$engine" plan -m "$folder/nowhere.gguf"
expect_status 2 "$engine" plan -m "$model" --memory -1

# Generation: ids as JSON, repeatable, and at most as many as asked for.
prompt='<|turn>user
hello<turn|>
<|turn>model
'
"$engine" generate -m "$model" --prompt "$prompt" --control -n 5 --json --temp 0 >"$folder/a.json"
"$engine" generate -m "$model" --prompt "$prompt" --control -n 5 --json --temp 0 --cpu scalar >"$folder/b.json"
cmp "$folder/a.json" "$folder/b.json" || fail "the scalar kernels choose other tokens"
grep -Eq '^\{"ids": \[[0-9]+(, [0-9]+){0,4}\]\}$' "$folder/a.json" || fail "generate --json: $(cat "$folder/a.json")"
"$engine" generate -m "$model" --ids - -n 3 --no-stop --temp 1.5 --top-k 0 --top-p 1 --seed 3 --json --kv f16 \
    <"$folder/six.json" >"$folder/c.json"
grep -Eq '^\{"ids": \[[0-9]+, [0-9]+, [0-9]+\]\}$' "$folder/c.json" || fail "generate --ids -: $(cat "$folder/c.json")"
# What changes the choice: a forbidden best token, a favourite, a penalty; log-probabilities beside.
first=$(sed 's/^{"ids": \[\([0-9]*\).*/\1/' "$folder/a.json")
"$engine" generate -m "$model" --prompt "$prompt" --control -n 5 --json --temp 0 --no-stop --logit-bias "$first=-inf" \
    --logit-bias 700=1000 --logprobs 2 >"$folder/d.json"
grep -Eq '^\{"ids": \[700, 700, 700, 700, 700\], "logprobs": \[\{"id": 700, "logprob": -[0-9.]+, "best": \[\['"$first"', -[0-9.]+\], \[[0-9]+, -[0-9.]+\]\]\}, .*\]\}$' \
    "$folder/d.json" || fail "generate --logprobs: $(cat "$folder/d.json")"
# The place of a picture is never generated, however much it is wanted.
"$engine" generate -m "$model" --prompt "$prompt" --control -n 3 --json --temp 0 --no-stop --logit-bias 3065=1000 \
    --logit-bias 3071=1000 --logit-bias 701=500 >"$folder/d.json"
grep -qx '{"ids": \[701, 701, 701\]}' "$folder/d.json" || fail "a place of media was generated: $(cat "$folder/d.json")"
"$engine" generate -m "$model" --ids - -n 6 --no-stop --temp 0 --json --repeat-penalty 50 --repeat-last 100 --min-p 0.1 \
    <"$folder/six.json" >"$folder/e.json"
[ "$(tr -dc '0-9,\n' <"$folder/e.json" | tr ',' '\n' | sort | uniq -d)" = "" ] || fail "--repeat-penalty: $(cat "$folder/e.json")"
expect_status 2 "$engine" generate -m "$model" --prompt x --logprobs 2
for bad in 5 =1 5= 5=x 5=nan 5=inf -1=2 5=1x 99999999999=1; do
    expect_status 2 "$engine" generate -m "$model" --prompt x --logit-bias "$bad"
done
expect_status 1 "$engine" generate -m "$model" --prompt x --logit-bias 3072=1
expect_status 2 "$engine" generate -m "$model" --prompt x --min-p 1.5
# Saved and loaded in between: the same answer.
go="$engine generate -m $model --no-stop --json --seed 4 --kv f16"
$go --ids - -n 8 <"$folder/six.json" >"$folder/whole.json"
$go --ids - -n 5 --save "$folder/session" <"$folder/six.json" >"$folder/f.json"
$go -n 3 --load "$folder/session" >"$folder/g.json"
[ "$(cat "$folder/f.json" "$folder/g.json" | tr -d '\n' | sed 's/\]}{"ids": \[/, /')" = "$(cat "$folder/whole.json")" ] ||
    fail "--save and --load: $(cat "$folder/f.json" "$folder/g.json" "$folder/whole.json")"
expect_status 1 "$engine" generate -m "$model" -n 3 --load "$folder/session" --kv f32
expect_status 1 "$engine" generate -m "$model" -n 3 --load "$folder/six.json"
expect_status 1 "$engine" generate -m "$model" -n 3 --load "$folder/session" --kv f16 --context 5
"$engine" generate -m "$model" --prompt "$prompt" --control -n 40 --temp 0 >"$folder/answer"
[ -s "$folder/answer" ] || fail "generate printed no text"

# Perplexity: what follows from the logits above.
"$engine" perplexity -m "$model" --ids "$folder/six.json" >"$folder/perplexity"
grep -q '^tokens      5$' "$folder/perplexity" || fail "perplexity: $(cat "$folder/perplexity")"
python3 - "$folder/whole.npy" "$folder/perplexity" <<'END' || fail "perplexity: $(cat "$folder/perplexity")"
import math, struct, sys
rows = struct.unpack("<18432f", open(sys.argv[1], "rb").read()[128:])
ids, total = [2, 105, 300, 301, 302, 303], 0
for i in range(5):
    row = rows[3072 * i:3072 * (i + 1)]
    total += math.log(sum(math.exp(x) for x in row)) - row[ids[i + 1]]
said = float(open(sys.argv[2]).read().split()[-1])
sys.exit(abs(said / math.exp(total / 5) - 1) > 1e-5)
END
expect_status 2 "$engine" perplexity -m "$model"
printf '[2]' >"$folder/one.json"
expect_status 1 "$engine" perplexity -m "$model" --ids "$folder/one.json"
printf '[2, 3072]' >"$folder/one.json"
expect_status 1 "$engine" perplexity -m "$model" --ids "$folder/one.json"

expect_status 0 "$engine" info -m "$model"
grep -q '^vocabulary  *3072$' "$folder/out" || fail "info: $(cat "$folder/out")"
# Guesses change no token, and are counted. A file that is no drafter is named.
printf '[2, 400, 401, 402, 403, 400, 401, 402, 403, 400, 401, 402, 403]' >"$folder/again.json"
bias='--logit-bias 400=60 --logit-bias 401=50 --repeat-penalty 4 --repeat-last 1'
"$engine" generate -m "$model" --ids "$folder/again.json" -n 40 --no-stop --temp 0 --json $bias >"$folder/plain.json"
"$engine" generate -m "$model" --ids "$folder/again.json" -n 40 --no-stop --temp 0 --json $bias --lookup --draft 8 \
    >"$folder/ahead.json"
grep -Eq ', "proposed": [1-9][0-9]*, "accepted": [1-9][0-9]*\}$' "$folder/ahead.json" ||
    fail "generate --lookup: $(cat "$folder/ahead.json")"
sed 's/, "proposed.*/}/' "$folder/ahead.json" | cmp - "$folder/plain.json" || fail "guesses change tokens"
expect_status 1 "$engine" generate -m "$model" --ids "$folder/again.json" --drafter "$model"
grep -q 'only gemma4-assistant is run' "$folder/err" || fail "a drafter that is none: $(cat "$folder/err")"
expect_status 2 "$engine" generate -m "$model" --ids "$folder/again.json" --lookup --draft 16

expect_status 0 "$engine" bench -m "$model" --tokens 4
grep -q '^pp  *4  *0 ' "$folder/out" || fail "bench: $(cat "$folder/out")"
grep -q '^tg  *4  *0 ' "$folder/out" || fail "bench: $(cat "$folder/out")"
for kind in pp tg; do
    expect_status 0 "$engine" bench -m "$model" --test $kind --tokens 5 --depth 7 --threads 2 --number
    grep -Eqx '[0-9]+\.[0-9]+' "$folder/out" || fail "bench --number: $(cat "$folder/out")"
    [ "$(wc -l <"$folder/out")" -eq 1 ] || fail "bench --number prints more than a line"
done
expect_status 0 "$engine" bench -m "$model" --test tg --tokens 3 --depth 9 --cpu scalar --json
grep -Eqx '\[\{"test": "tg", "tokens": 3, "depth": 9, "kernels": "scalar", .*"tokens_per_second": [0-9.]+\}\]' \
    "$folder/out" || fail "bench --json: $(cat "$folder/out")"
for kind in edit edit-plain; do
    expect_status 0 "$engine" bench -m "$model" --test $kind --tokens 60 --depth 3 --json
    grep -Eq '^\[\{"test": "'$kind'", "tokens": 60, "depth": 3, ' "$folder/out" || fail "bench $kind: $(cat "$folder/out")"
done
expect_status 2 "$engine" bench -m "$model" --test both
expect_status 2 "$engine" bench -m "$model" --number --json
expect_status 0 "$engine" generate -h
grep -q -e '--top-k K' "$folder/out" || fail "help: $(cat "$folder/out")"

# One JSON object each, where it is asked for.
json() {
    "$engine" "$@" --json >"$folder/object" || fail "status: $*"
    python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); assert type(o) is dict; print(o)' "$folder/object" >"$folder/read" ||
        fail "no JSON object: $(cat "$folder/object")"
}
json info -m "$model"
grep -q "'vocabulary': 3072.*'stop_ids': \[1, 106, 50\], 'suppressed_ids': \[3065, " "$folder/read" || fail "info --json: $(cat "$folder/read")"
json tokenize -m "$model" --control <<END
<|turn>user
END
grep -q "'ids': \[105, " "$folder/read" || fail "tokenize --json: $(cat "$folder/read")"
json perplexity -m "$model" --ids "$folder/six.json"
grep -q "'tokens': 5, 'nats_per_token': [0-9.]*, 'perplexity': [0-9.]*" "$folder/read" || fail "perplexity --json: $(cat "$folder/read")"

# Converted: a smaller file that runs, and the same bytes at any number of threads; nothing on
# standard error, which is no terminal here.
json convert -m "$model" -o "$folder/small.gguf" --type q8_0 --threads 1
grep -q "'type': 'q8_0', 'bytes': [0-9]*, .*'types': {.*'Q8_0': " "$folder/read" || fail "convert --json: $(cat "$folder/read")"
expect_status 0 "$engine" convert -m "$model" -o "$folder/again.gguf" --type q8_0 --threads 3
[ ! -s "$folder/err" ] || fail "convert says on standard error: $(cat "$folder/err")"
cmp "$folder/small.gguf" "$folder/again.gguf" || fail "convert depends on --threads"
"$engine" convert -m "$model" -o "$folder/wide.gguf" --type f32 >"$folder/out"
"$engine" logits -m "$folder/wide.gguf" --ids "$folder/six.json" -o "$folder/wide.npy"
[ "$(wc -c <"$folder/small.gguf")" -lt $(($(wc -c <"$folder/wide.gguf") / 2)) ] || fail "q8_0 is not smaller than f32"
cmp "$folder/whole.npy" "$folder/wide.npy" || fail "F32 changes the logits"
expect_status 2 "$engine" convert -m "$model" -o "$folder/x.gguf"
expect_status 2 "$engine" convert -m "$model" --type q8_0
expect_status 1 "$engine" convert -m "$model" -o "$folder/x.gguf" --type q9
expect_status 1 "$engine" convert -m "$folder/small.gguf" -o "$folder/small.gguf" --type q4_0
[ ! -e "$folder/x.gguf" ] || fail "a failed convert leaves a file"

# On a terminal, long work shows how far it is, and takes the line back at its end.
python3 - "$engine" "$folder" <<'END' || fail "the line that shows progress"
import json, os, pty, re, subprocess, sys
engine, folder = sys.argv[1:]
command = [engine, "perplexity", "-m", folder + "/wide.gguf", "--ids", folder + "/many.json", "--threads", "1"]
def write(count):
    json.dump([2] + [100 + i % 900 for i in range(count)], open(folder + "/many.json", "w"))
# A line appears after a third of a second of work; how many tokens that are, the machine's day decides.
for count in (400, 1600, 6000):
    write(count)
    inner, outer = pty.openpty()
    child = subprocess.Popen(command, stderr=outer, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(outer)
    seen = b""
    try:
        while chunk := os.read(inner, 4096):
            seen += chunk
    except OSError:
        pass
    text = child.communicate()[0].decode()
    if seen:
        break
shown = re.search(rb"\rperplexity \[#*\.*\] +\d+%  [\d.]+ tokens/s  \d+:\d\d left\x1b\[K", seen)
sys.exit(child.returncode != 0 or "perplexity" not in text or not shown or not seen.endswith(b"\r\x1b[K"))
END

# Every command says what it takes, and gives an example that it takes itself.
for command in $("$engine" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    expect_status 0 "$engine" "$command" --help
    grep -q "^for example: .*carat-engine $command -m " "$folder/out" || fail "$command has no example"
    grep -q -e '-h, --help' "$folder/out" || fail "$command --help: $(cat "$folder/out")"
done

# Wrong usage is 2 and named; failure is 1.
expect_status 2 "$engine"
expect_status 2 "$engine" dance
expect_status 2 "$engine" info -m "$model" --frobnicate
grep -q -e 'unknown option --frobnicate' "$folder/err" || fail "the unknown option is not named"
expect_status 2 "$engine" info
expect_status 2 "$engine" generate -m "$model"
expect_status 2 "$engine" generate -m "$model" --prompt x -n many
expect_status 2 "$engine" logits -m "$model" --ids "$folder/six.json" -o x --kv q7
expect_status 1 "$engine" info -m "$folder/none.gguf"
expect_status 1 "$engine" info -m "$folder/six.json"
for broken in '[1, 2' '[1.5]' '{"id": [1]}' '[2] x' '[99999999999]' '[01]' '"ids"' ''; do
    printf '%s' "$broken" >"$folder/broken.json"
    expect_status 1 "$engine" logits -m "$model" --ids "$folder/broken.json" -o "$folder/x.npy"
done
printf '[2, 3072]' >"$folder/broken.json"
expect_status 1 "$engine" logits -m "$model" --ids "$folder/broken.json" -o "$folder/x.npy"

# A reader that goes away: quiet, status 1.
status=$({ "$engine" tokenize -m "$model" <"$folder/text" 2>"$folder/err" >/dev/full && echo 0; } || echo $?)
[ "$status" -eq 1 ] || fail "a full disk gives status $status"
[ ! -s "$folder/err" ] || fail "a closed output makes noise: $(cat "$folder/err")"
