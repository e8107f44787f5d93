#!/usr/bin/env python3
"""carat's engine beside llama.cpp, on this machine, in the same minutes.

    compare.py --model FILE.gguf [--engine carat-engine] [--peer llama-bench | --build-peer FOLDER] [--threads N]
               [--rounds N] [--only TEXT] [--realtime] [--json]

Each figure is measured in turns (A B, B A, ...), each pair gives a ratio, and the median of the ratios is the result, with
its range. How much of the machine others used meanwhile stands beside it: with more than 0.2 cores a line begins with
"noisy", and only a later run in peace can be believed. Before and after, what the machine can do (machine.c) is measured;
"of limit" is ours against that: bytes a token reads against the read bandwidth, operations against the best unit's peak.

Without --model a full-size random one is written beside the peer (synthetic_model.py). --build-peer gets the sources of
llama.cpp that llama-cpp-python carries, through pip, and builds llama-bench for this machine; some minutes.
"""
import argparse
import json
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# name, test, tokens, depth, busy processes beside it, goal as a ratio
FIGURES = (
    ("prefill 128", "pp", 128, 0, 0, 5.0),
    ("prefill 512", "pp", 512, 0, 0, 10.0),
    ("prefill 2048", "pp", 2048, 0, 0, 8.0),
    ("decode", "tg", 48, 0, 0, 1.4),
    ("decode at 4096", "tg", 32, 4096, 0, 1.4),
    ("decode beside two busy processes", "tg", 12, 0, 2, 5.0),
)

PREFIX = []  # of every command

OWN_FIGURES = ("look-up on edits", "load to first token", "memory at 8192")


def cpu_seconds():
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / os.sysconf("SC_CLK_TCK")


def run(command):
    """Standard output, wall seconds, and how many cores others used meanwhile."""
    busy, used, start = cpu_seconds(), os.times(), time.monotonic()
    done = subprocess.run(PREFIX + command, capture_output=True, text=True)
    wall, after = time.monotonic() - start, os.times()
    if done.returncode != 0:
        sys.exit(f"compare: {' '.join(command)}: exit {done.returncode}\n{done.stderr[-1000:]}")
    own = after.children_user - used.children_user + after.children_system - used.children_system
    return done.stdout, wall, max(0.0, cpu_seconds() - busy - own) / wall


class Engines:
    def __init__(self, options):
        self.options = options

    def ours(self, test, tokens, depth):
        command = [self.options.engine, "bench", "-m", self.options.model, "--test", test, "--tokens", str(tokens),
                   "--threads", str(self.options.threads), "--kv", "f16", "--number"]
        text, _, others = run(command + (["--depth", str(depth)] if depth else []))
        return float(text), others

    def theirs(self, test, tokens, depth):
        what = ["-p", str(tokens), "-n", "0"] if test == "pp" else ["-p", "0", "-n", str(tokens)]
        text, _, others = run([self.options.peer, "-m", self.options.model, *what, "-d", str(depth), "-r", "1",
                               "-t", str(self.options.threads), "-o", "json"])
        return max(max(row["samples_ts"]) for row in json.loads(text)), others


def compare(engines, figure, rounds):
    _, test, tokens, depth, burners, _ = figure
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(burners)]
    pairs, others = [], []
    try:
        for i in range(rounds):
            sides = [engines.ours, engines.theirs] if i % 2 == 0 else [engines.theirs, engines.ours]
            got = {}
            for side in sides:
                got[side], other = side(test, tokens, depth)
                others.append(other)
            pairs.append((got[engines.ours], got[engines.theirs]))
    finally:
        for process in burning:
            process.kill()
            process.wait()
    return pairs, statistics.median(others) - burners


def machine(threads):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "machine")
        subprocess.run(["cc", "-O2", "-pthread", os.path.join(HERE, "machine.c"), "-o", program], check=True)
        # Never with real-time priority: it waits for its threads by sleeping, and they would not let it wake.
        text = subprocess.run([program, str(threads), "2"], check=True, capture_output=True, text=True).stdout
    multiply = re.search(r"multiply ([\d.]+) Gop/s \((.*)\)", text)
    return {"read": float(re.search(r"read ([\d.]+)", text).group(1)),
            "multiply": float(multiply.group(1)) if multiply else None, "unit": multiply.group(2) if multiply else ""}


def limit(figure, model, able):
    """Tokens a second that the machine allows for E2B's shapes: bytes of a decoded token, operations of a prompt's."""
    _, test, tokens, depth, burners, _ = figure
    if burners or not model["is_e2b"]:
        return None
    if test == "tg":
        return able["read"] * 1e9 / (model["touched"] + depth * 18 * 1024)
    # Layers up to the last with keys and values of its own; attention besides.
    operations = 1.03e9 + tokens * 51e3
    return able["multiply"] * 1e9 / operations if able["multiply"] else None


# --- figures of ours alone ---

def edits(options):
    """A text repeated with every 40th token changed, with guesses and without."""
    ratios = []
    for _ in range(options.rounds):
        rates = [float(run([options.engine, "bench", "-m", options.model, "--test", test, "--tokens", "256",
                            "--threads", str(options.threads), "--kv", "f16", "--number"])[0]) for test in ("edit", "edit-plain")]
        ratios.append(rates[0] / rates[1])
    ratios.sort()
    return f"{statistics.median(ratios):.2f} times plain decode ({ratios[0]:.2f}-{ratios[-1]:.2f}), goal 2"


def first_token(options):
    """From the start of the process to its end, one token behind a prompt of two words."""
    command = [options.engine, "generate", "-m", options.model, "--prompt", "Hello there", "-n", "1", "--arithmetic", "fast",
               "--threads", str(options.threads)]
    run(command)
    walls = sorted(run(command)[1] for _ in range(max(3, options.rounds)))
    return f"{statistics.median(walls):.2f} s ({walls[0]:.2f}-{walls[-1]:.2f}), goal 0.3"


def memory(options):
    """The most that is resident while tokens are decoded behind 8192 others: memory of our own, and pages of the file."""
    command = [options.engine, "bench", "-m", options.model, "--test", "tg", "--tokens", "4", "--depth", "8192",
               "--threads", str(options.threads), "--kv", "f16", "--number"]
    most = {"RssAnon": 0, "RssFile": 0}
    with subprocess.Popen(PREFIX + command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with open(f"/proc/{process.pid}/status") as status:
                for line in status:
                    name = line.split(":")[0]
                    if name in most:
                        most[name] = max(most[name], int(line.split()[1]) * 1024)
            time.sleep(0.02)
    return (f"{most['RssAnon'] / 1e6:.0f} MB of our own, {most['RssFile'] / 1e6:.0f} MB of the file; "
            "goal 200 MB and keys and values, 1500 MB besides the head")


# --- what is compared ---

def describe(options):
    info = json.loads(run([options.engine, "info", "-m", options.model, "--json"])[0])
    return {"is_e2b": info["layers"] == 35 and info["hidden_size"] == 1536, "touched": touched(options.model)}


def touched(path):
    """Bytes that one decoded token reads: every tensor but the table of per-layer embeddings."""
    block = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84), 11: (256, 110),
             12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 23: (256, 136), 30: (1, 2)}
    with open(path, "rb") as file:
        def read(form):
            return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))
        def text():
            return file.read(read("Q")[0])
        def skip(kind):
            if kind == 8:
                text()
            elif kind == 9:
                inner, count = read("IQ")
                for _ in range(count):
                    skip(inner)
            else:
                file.read({0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind])
        file.read(8)
        tensors, keys = read("QQ")
        for _ in range(keys):
            text()
            skip(read("I")[0])
        total = 0
        for _ in range(tensors):
            name = text()
            dims = read("Q" * read("I")[0])
            kind, _ = read("IQ")
            count = 1
            for d in dims:
                count *= d
            if not name.startswith(b"per_layer_token_embd"):
                total += count // block[kind][0] * block[kind][1]
    return total


def build_peer(folder):
    """llama-bench from the sources inside llama-cpp-python's source package."""
    done = os.path.join(folder, "bin", "llama-bench")
    if os.path.exists(done):
        return done
    os.makedirs(folder, exist_ok=True)
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
                    "-d", folder, "llama-cpp-python"], check=True)
    archive = [name for name in os.listdir(folder) if name.endswith(".tar.gz")][0]
    subprocess.run(["tar", "-C", folder, "-xzf", os.path.join(folder, archive)], check=True)
    source = os.path.join(folder, archive.removesuffix(".tar.gz"), "vendor", "llama.cpp")
    subprocess.run(["cmake", "-S", source, "-B", os.path.join(folder, "build"), "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON",
                    "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF"], check=True)
    subprocess.run(["cmake", "--build", os.path.join(folder, "build"), "-j", str(os.cpu_count()), "--target", "llama-bench"], check=True)
    os.makedirs(os.path.dirname(done), exist_ok=True)
    os.replace(os.path.join(folder, "build", "bin", "llama-bench"), done)
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=os.path.join(HERE, "..", "..", "build", "carat-engine"))
    parser.add_argument("--peer", default="llama-bench")
    parser.add_argument("--build-peer", metavar="FOLDER")
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="figures whose name has this in it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--realtime", action="store_true", help="both with real-time priority (as root): nobody else runs meanwhile")
    options = parser.parse_args()
    if options.realtime:
        PREFIX[:] = ["chrt", "-f", "10"]
    if options.build_peer:
        options.peer = build_peer(options.build_peer)
    if options.model is None:
        options.model = os.path.join(options.build_peer or ".", "synthetic-e2b-q4_0.gguf")
        if not os.path.exists(options.model):
            subprocess.run([sys.executable, os.path.join(HERE, "synthetic_model.py"), options.model], check=True)
    model = describe(options)
    able = machine(options.threads)
    print(f"{options.threads} threads; read {able['read']:.1f} GB/s, multiply {able['multiply'] or 0:.0f} Gop/s {able['unit']}; "
          f"{model['touched'] / 1e9:.3f} GB a token", file=sys.stderr)
    rows = []
    for figure in FIGURES:
        if options.only not in figure[0]:
            continue
        pairs, others = compare(Engines(options), figure, options.rounds)
        ratios = sorted(a / b for a, b in pairs)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        most = limit(figure, model, able)
        rows.append({"figure": figure[0], "ours": ours, "theirs": theirs, "ratio": statistics.median(ratios), "low": ratios[0],
                     "high": ratios[-1], "goal": figure[5], "of_limit": ours / most if most else None, "others": others})
        row = rows[-1]
        if not options.json:
            print(f"{'noisy ' if others > 0.2 else ''}{row['figure']}: {ours:.1f} and {theirs:.1f} tokens/s, ratio {row['ratio']:.2f} "
                  f"({row['low']:.2f}-{row['high']:.2f}, {len(pairs)} rounds), goal {row['goal']:g}"
                  + (f", {row['of_limit']:.2f} of limit" if most else "") + f", others {others:.2f} cores", flush=True)
    own = {}
    for name, measure in zip(OWN_FIGURES, (edits, first_token, memory)):
        if options.only in name:
            own[name] = measure(options)
            if not options.json:
                print(f"{name}: {own[name]}", flush=True)
    after = machine(options.threads)
    print(f"afterwards: read {after['read']:.1f} GB/s, multiply {after['multiply'] or 0:.0f} Gop/s", file=sys.stderr)
    if options.json:
        print(json.dumps({"before": able, "after": after, "model": model, "figures": rows, "own": own}, indent=1))


main()
