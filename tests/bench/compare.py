#!/usr/bin/env python3
"""carat's engine beside llama.cpp, on this machine, in the same minutes: the whole table of goals.

    compare.py --model FILE.gguf [--engine carat-engine] [--peer llama-bench | --build-peer FOLDER] [--peer-avx2 llama-bench]
               [--threads N] [--rounds N] [--only TEXT] [--realtime] [--json]

Each figure is measured in turns (A B, B A, ...), each pair gives a ratio, and the median of the ratios is the result, with
its range. How much of the machine others used meanwhile stands beside it: with more than 0.2 cores a line begins with
"noisy", and only a later run in peace can be believed. Just before each figure, what the machine can do (machine.c) is
measured; its roofline is ours against that: bytes a token reads against the read bandwidth, operations against the best
unit's peak.

--realtime (as root): all that is measured has real-time priority, so that nobody else runs meanwhile but 5 % of the time.
Beside busy processes that cannot be: then these and the engines are two groups of the scheduler with the greatest weight.

Without tiles: our AVX-512 set, and the same llama-bench to which the system refuses the tile unit (no_tiles.c). Without
AVX-512: our AVX2 set beside a llama-bench that was built so, with AVX-VNNI where this machine has it (--peer-avx2;
--build-peer builds it as well).

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
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))

# goal: as a ratio; cpu: our set of kernels; peer: which other one; unit: of machine.c, None where it has none like it
Figure = namedtuple("Figure", "name test tokens depth burners goal cpu peer unit", defaults=(None, "native", "best"))

FIGURES = (
    Figure("prefill 128", "pp", 128, 0, 0, 5.0),
    Figure("prefill 512", "pp", 512, 0, 0, 10.0),
    Figure("prefill 2048", "pp", 2048, 0, 0, 8.0),
    Figure("prefill 512 without tiles", "pp", 512, 0, 0, 5.0, "avx512", "no tiles", "bytes"),
    Figure("prefill 512 without AVX-512", "pp", 512, 0, 0, 5.0, "avx2", "avx2", None),
    Figure("decode", "tg", 48, 0, 0, 1.4),
    Figure("decode at 4096", "tg", 32, 4096, 0, 1.4),
    Figure("decode beside two busy processes", "tg", 12, 0, 2, 5.0),
)

# Of the machine that a decoded token's reading should reach, at least.
READ_GOAL = 0.92

PREFIX = []  # of every command
REALTIME = ["chrt", "-f", "10"]
# A session is a group of the scheduler, and this is its weight.
GROUP = ["setsid", "-w", "sh", "-c", 'echo -20 > /proc/self/autogroup; exec "$@"', "sh"]


def cpu_seconds():
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / os.sysconf("SC_CLK_TCK")


def run(command, prefix=None, environment=None):
    """Standard output, wall seconds, and how many cores others used meanwhile."""
    busy, used, start = cpu_seconds(), os.times(), time.monotonic()
    done = subprocess.run((PREFIX if prefix is None else prefix) + command, capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    wall, after = time.monotonic() - start, os.times()
    if done.returncode != 0:
        sys.exit(f"compare: {' '.join(command)}: exit {done.returncode}\n{done.stderr[-1000:]}")
    own = after.children_user - used.children_user + after.children_system - used.children_system
    return done.stdout, wall, max(0.0, cpu_seconds() - busy - own) / wall


class Engines:
    """Tokens a second of one figure, on either side."""

    def __init__(self, options, figure, prefix):
        self.options, self.figure, self.prefix = options, figure, prefix

    def ours(self):
        f = self.figure
        command = [self.options.engine, "bench", "-m", self.options.model, "--test", f.test, "--tokens", str(f.tokens),
                   "--threads", str(self.options.threads), "--kv", "f16", "--number"]
        command += (["--depth", str(f.depth)] if f.depth else []) + (["--cpu", f.cpu] if f.cpu else [])
        text, _, others = run(command, self.prefix)
        return float(text), others

    def theirs(self):
        f = self.figure
        what = ["-p", str(f.tokens), "-n", "0"] if f.test == "pp" else ["-p", "0", "-n", str(f.tokens)]
        program = self.options.peer_avx2 if f.peer == "avx2" else self.options.peer
        text, _, others = run([program, "-m", self.options.model, *what, "-d", str(f.depth), "-r", "1", "-t",
                               str(self.options.threads), "-o", "json"], self.prefix,
                              {"LD_PRELOAD": self.options.tools.no_tiles} if f.peer == "no tiles" else None)
        return max(max(row["samples_ts"]) for row in json.loads(text)), others


def compare(options, figure):
    prefix = GROUP if figure.burners and PREFIX else None
    engines = Engines(options, figure, prefix)
    loop = " & ".join([f"{sys.executable} -c 'while True: pass'"] * figure.burners)
    burning = subprocess.Popen((prefix or []) + ["sh", "-c", f"trap 'kill $(jobs -p)' TERM; {loop} & wait"],
                               start_new_session=True) if figure.burners else None
    pairs, others = [], []
    try:
        for i in range(options.rounds):
            sides = [engines.ours, engines.theirs] if i % 2 == 0 else [engines.theirs, engines.ours]
            got = {}
            for side in sides:
                got[side], other = side()
                others.append(other)
            pairs.append((got[engines.ours], got[engines.theirs]))
    finally:
        if burning:
            burning.terminate()
            burning.wait()
    return pairs, statistics.median(others) - figure.burners


class Tools:
    """Small C programs, built in a folder that goes with them."""

    def __init__(self, threads):
        self.threads = threads
        self.folder = tempfile.TemporaryDirectory()
        self.machine_program = self.build("machine.c", "machine", ["-pthread"])
        self.no_tiles = self.build("no_tiles.c", "no_tiles.so", ["-shared", "-fPIC"])

    def build(self, source, name, options):
        made = os.path.join(self.folder.name, name)
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", *options, os.path.join(HERE, source), "-o", made], check=True)
        return made

    def machine(self, unit="best"):
        text = run([self.machine_program, str(self.threads), "0.5", unit])[0]
        multiply = re.search(r"multiply ([\d.]+) Gop/s \((.*)\)", text)
        return {"read": float(re.search(r"read ([\d.]+)", text).group(1)),
                "multiply": float(multiply.group(1)) if multiply else None, "unit": multiply.group(2) if multiply else ""}


def roofline(figure, model, able, ours):
    """What ours takes of the machine, for E2B's shapes: (taken, there is, unit), or None."""
    if figure.burners or not model["is_e2b"] or figure.unit is None:
        return None
    if figure.test == "tg":
        return ours * (model["touched"] + figure.depth * 18 * 1024) / 1e9, able["read"], "GB/s read"
    # Layers up to the last with keys and values of its own; attention besides.
    operations = 1.03e9 + figure.tokens * 51e3
    return (ours * operations / 1e9, able["multiply"], "Gop/s of " + able["unit"]) if able["multiply"] else None


def tell(row):
    line = (f"{row['figure']}: {row['ours']:.1f} and {row['theirs']:.1f} tokens/s, ratio {row['ratio']:.2f} "
            f"({row['low']:.2f}-{row['high']:.2f}, {row['rounds']} rounds), goal {row['goal']:g}, others {row['others']:.2f} cores")
    print(("noisy " if row["others"] > 0.2 else "") + line)
    if row["roofline"]:
        taken, there, unit = row["roofline"]
        goal = f", goal {READ_GOAL:g}" if unit == "GB/s read" else ""
        print(f"    roofline: {taken:.1f} of {there:.1f} {unit}: {taken / there:.2f}{goal}")
    sys.stdout.flush()


def measure(options, figure, model):
    able = options.tools.machine(figure.unit or "best")
    pairs, others = compare(options, figure)
    ratios = sorted(a / b for a, b in pairs)
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    return {"figure": figure.name, "ours": ours, "theirs": theirs, "ratio": statistics.median(ratios), "low": ratios[0],
            "high": ratios[-1], "rounds": len(pairs), "goal": figure.goal, "machine": able,
            "roofline": roofline(figure, model, able, ours), "others": others}


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


def resumed(options):
    """A conversation of 32,000 tokens: saved once, then taken up again for one token more."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(options.model))) as folder:
        ids, session = os.path.join(folder, "ids.json"), os.path.join(folder, "session")
        with open(ids, "w") as file:
            json.dump([2] + [(i * 7919 + 11) % 200000 + 300 for i in range(31999)], file)
        base = [options.engine, "generate", "-m", options.model, "--arithmetic", "fast", "--kv", "f16", "--threads",
                str(options.threads), "--context", "32100", "--no-stop"]
        prefill = run(base + ["--ids", ids, "-n", "1", "--save", session])[1]
        walls = sorted(run(base + ["--load", session, "-n", "1"])[1] for _ in range(max(3, options.rounds)))
        size = os.path.getsize(session)
    return (f"{statistics.median(walls):.2f} s ({walls[0]:.2f}-{walls[-1]:.2f}) from the start of the process to its end, "
            f"one token behind it; the session has {size / 1e6:.0f} MB; reading the tokens took {prefill:.0f} s; goal: one read, no prefill")


OWN_FIGURES = (("look-up on edits", edits), ("load to first token", first_token), ("memory at 8192", memory),
               ("32,000 tokens resumed", resumed))


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


def build_peer(folder, name, flags):
    """llama-bench from the sources inside llama-cpp-python's source package."""
    done = os.path.join(folder, "bin", name)
    if os.path.exists(done):
        return done
    os.makedirs(os.path.dirname(done), exist_ok=True)
    if not any(entry.endswith(".tar.gz") for entry in os.listdir(folder)):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
                        "--no-build-isolation", "-d", folder, "llama-cpp-python"], check=True)
    archive = [entry for entry in os.listdir(folder) if entry.endswith(".tar.gz")][0]
    subprocess.run(["tar", "-C", folder, "-xzf", os.path.join(folder, archive)], check=True)
    source = os.path.join(folder, archive.removesuffix(".tar.gz"), "vendor", "llama.cpp")
    build = os.path.join(folder, "build-" + name)
    subprocess.run(["cmake", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release", *flags, "-DBUILD_SHARED_LIBS=OFF",
                    "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF"], check=True)
    subprocess.run(["cmake", "--build", build, "-j", str(os.cpu_count()), "--target", "llama-bench"], check=True)
    os.replace(os.path.join(build, "bin", "llama-bench"), done)
    return done


def flags_without_avx512():
    names = ["SSE42", "AVX", "AVX2", "FMA", "F16C", "BMI2"]
    with open("/proc/cpuinfo") as file:
        names += ["AVX_VNNI"] if "avx_vnni" in file.read() else []
    return ["-DGGML_NATIVE=OFF"] + [f"-DGGML_{name}=ON" for name in names]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=os.path.join(HERE, "..", "..", "build", "carat-engine"))
    parser.add_argument("--peer", default="llama-bench")
    parser.add_argument("--peer-avx2", help="a llama-bench that was built for AVX2")
    parser.add_argument("--build-peer", metavar="FOLDER")
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="figures whose name has this in it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--realtime", action="store_true", help="as root: nobody else runs meanwhile")
    options = parser.parse_args()
    if options.realtime:
        PREFIX[:] = REALTIME
    if options.build_peer:
        options.peer = build_peer(options.build_peer, "llama-bench", ["-DGGML_NATIVE=ON"])
        options.peer_avx2 = build_peer(options.build_peer, "llama-bench-avx2", flags_without_avx512())
    if options.model is None:
        options.model = os.path.join(options.build_peer or ".", "synthetic-e2b-q4_0.gguf")
        if not os.path.exists(options.model):
            subprocess.run([sys.executable, os.path.join(HERE, "synthetic_model.py"), options.model], check=True)
    options.tools = Tools(options.threads)
    return options


def main():
    options = parse()
    model = describe(options)
    print(f"{options.threads} threads; {model['touched'] / 1e9:.3f} GB a token", file=sys.stderr)
    rows, own = [], {}
    for figure in FIGURES:
        if options.only not in figure.name:
            continue
        if figure.peer == "avx2" and not options.peer_avx2:
            print(f"{figure.name}: not measured, there is no --peer-avx2", file=sys.stderr)
            continue
        rows.append(measure(options, figure, model))
        if not options.json:
            tell(rows[-1])
    for name, function in OWN_FIGURES:
        if options.only in name:
            own[name] = function(options)
            if not options.json:
                print(f"{name}: {own[name]}", flush=True)
    if options.json:
        print(json.dumps({"model": model, "figures": rows, "own": own}, indent=1))


main()
