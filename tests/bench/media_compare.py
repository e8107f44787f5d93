#!/usr/bin/env python3
"""carat's encoders of pictures and sounds beside llama.cpp's (libmtmd), on this machine, in the same minutes.

    media_compare.py --peer llama-mtmd-cli [--engine carat-engine] [--work FOLDER] [--type f16|bf16|q8_0] [--threads N]
                     [--rounds N] [--only TEXT] [--json]

Encoders of E2B's size with random weights (synthetic_mmproj.py) and a small text model of the same width are written to
FOLDER, where they are found again; so are a picture for each budget, whose size needs no scaling on either side, and sounds.
Each figure is measured in turns (A B, B A, ...); the median of each side and of the pairs' ratios is printed, with the
ratios' range, and how many cores others used meanwhile: with more than 0.2 a line begins with "noisy".

Ours is the second encoding of one process (`carat-engine bench --image`), scaling and spectrum included; theirs is what
llama-mtmd-cli says that encoding took, after the warm-up it makes when it opens the file, without scaling and spectrum.
llama-mtmd-cli is built from the sources of llama.cpp: cmake --build BUILD --target llama-mtmd-cli.
"""
import argparse
import json
import math
import os
import random
import re
import statistics
import struct
import subprocess
import sys
import wave
import zlib

from compare import run

HERE = os.path.dirname(os.path.abspath(__file__))
RATE = 16000
GOAL = 3.0

# name, kind, what is encoded
FIGURES = (
    ("picture, budget 70", "image", (70, 480, 336)),
    ("picture, budget 280", "image", (280, 960, 672)),
    ("picture, budget 1120", "image", (1120, 1920, 1344)),
    ("sound, 10 s", "audio", 10),
    ("sound, 30 s", "audio", 30),
)


def write_picture(path, width, height):
    """Squares of random colours, as a PNG file."""
    rng = random.Random(width)
    across = [[bytes(rng.randrange(256) for _ in range(3)) * 16 for _ in range((width + 15) // 16)]
              for _ in range((height + 15) // 16)]
    rows = b"".join(b"\0" + b"".join(across[y // 16])[:3 * width] for y in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 1)),
                           (b"IEND", b"")):
            file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def write_sound(path, seconds):
    """A tone that rises again and again, with noise."""
    rng = random.Random(seconds)
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(
            struct.pack("<h", int(9000 * math.sin(i * (200 + i // 40 % 800) * 2 * math.pi / RATE) + rng.gauss(0, 600)))
            for i in range(seconds * RATE)))


def prepare(options):
    """Paths of the text model, the encoders and, by figure, the inputs."""
    os.makedirs(options.work, exist_ok=True)
    inside = lambda name: os.path.join(options.work, name)
    text, encoders = inside("text.gguf"), inside(f"mmproj-{options.type}.gguf")
    for path, command in ((text, ["synthetic_model.py", text, "q4_0", "small"]),
                          (encoders, ["synthetic_mmproj.py", encoders, options.type])):
        if not os.path.exists(path):
            run([sys.executable, os.path.join(HERE, command[0]), *command[1:]])
    inputs = {}
    for name, kind, what in FIGURES:
        path = inside(f"{what[0]}.png" if kind == "image" else f"{what}.wav")
        if not os.path.exists(path):
            write_picture(path, *what[1:]) if kind == "image" else write_sound(path, what)
        inputs[name] = path
    return text, encoders, inputs


def ours(options, files, figure):
    name, kind, what = figure
    text, encoders, inputs = files
    command = [options.engine, "bench", "-m", text, "--mmproj", encoders, "--threads", str(options.threads), "--number",
               f"--{kind}", inputs[name]]
    out, _, others = run(command + (["--budget", str(what[0])] if kind == "image" else []))
    return float(out), others


def theirs(options, files, figure):
    name, kind, _ = figure
    text, encoders, inputs = files
    command = [options.peer, "-m", text, "--mmproj", encoders, "-t", str(options.threads), "-c", "4096", "-n", "1",
               "--chat-template", "chatml", "-p", "a", f"--{kind}", inputs[name]]
    out, _, others = run(["/bin/sh", "-c", '"$@" 2>&1 </dev/null', "sh", *command])
    found = re.findall(r"(?:encoding done|slice encoded) in (\d+) ms", out)
    if not found:
        sys.exit(f"media_compare: {options.peer} did not say how long it took:\n{out[-1000:]}")
    return float(found[-1]), others


def compare(options, files, figure):
    pairs, noise = [], []
    for i in range(options.rounds):
        got = {}
        for side in (ours, theirs) if i % 2 == 0 else (theirs, ours):
            got[side], others = side(options, files, figure)
            noise.append(others)
        pairs.append((got[ours], got[theirs]))
    ratios = [b / a for a, b in pairs]
    return {"figure": figure[0], "ours_ms": statistics.median(a for a, _ in pairs),
            "theirs_ms": statistics.median(b for _, b in pairs), "ratio": statistics.median(ratios),
            "least": min(ratios), "most": max(ratios), "others_cores": max(noise)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="carat-engine")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--work", default="/var/tmp/carat-media-compare")
    parser.add_argument("--type", default="f16", choices=("f16", "bf16", "q8_0"))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = prepare(options)
    results = []
    for figure in FIGURES:
        if options.only not in figure[0]:
            continue
        r = compare(options, files, figure)
        results.append(r)
        if not options.json:
            print(f"{'noisy ' if r['others_cores'] > 0.2 else ''}{r['figure']}: {r['ours_ms']:.0f} ms, llama.cpp "
                  f"{r['theirs_ms']:.0f} ms: {r['ratio']:.2f} x ({r['least']:.2f} to {r['most']:.2f}), goal {GOAL:.0f} x "
                  f"{'reached' if r['ratio'] >= GOAL else 'missed'}; others {r['others_cores']:.1f} cores", flush=True)
    if options.json:
        print(json.dumps({"type": options.type, "threads": options.threads, "figures": results}, indent=1))


if __name__ == "__main__":
    main()
