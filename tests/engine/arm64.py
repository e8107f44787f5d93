#!/usr/bin/env python3
"""The engine on arm64: cross-compiled, run by qemu, the same ids as the reference: arm64.py SOURCE-FOLDER.

Compiles engine/ and the files of base and media that it uses with Debian's cross compiler (they need nothing but the C library), then
runs carat-engine under qemu-aarch64 with both kernel sets: greedy continuations of the small model id by id, and the
logits of the tiny E2B within the limit that holds everywhere.
"""
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile

SOURCE = os.path.abspath(sys.argv[1])
LIMIT = 5e-3  # as for float32 engines in general; measured 6e-4


def sources():
    skipped = ("/x86/",)
    found = glob.glob(SOURCE + "/engine/**/*.c", recursive=True)
    return [path for path in sorted(found) if not any(part in path for part in skipped)]


def build(folder):
    program = os.path.join(folder, "carat-engine")
    base = [f"{SOURCE}/src/base/{name}.c" for name in ("bytes", "err", "mem", "str", "utf8", "vec", "visible", "file", "clock")]
    base += [f"{SOURCE}/src/media/{name}.c" for name in ("picture_file", "resample", "sound_file")]
    compiler = ["aarch64-linux-gnu-gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror",
                "-ffp-contract=off", "-static", "-pthread", f"-I{SOURCE}", f"-I{SOURCE}/src", f"-I{SOURCE}/engine",
                "-isystem", "/usr/include/stb"]
    dot = os.path.join(folder, "dot.o")  # the file that is compiled twice, the second time with dot products
    subprocess.run([*compiler, "-march=armv8.2-a+dotprod", "-c", f"{SOURCE}/engine/compute/arm/int8_neon.c", "-o", dot], check=True)
    subprocess.run([*compiler, *sources(), *base, dot, "-lm", "-o", program], check=True)
    return program


def run(program, *words, processor="max"):
    return subprocess.run(["qemu-aarch64", "-cpu", processor, program, *words], check=True, capture_output=True).stdout


def safetensors(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])

    def read(name, code):
        begin, end = header[name]["data_offsets"]
        return struct.unpack(f"<{(end - begin) // 4}{code}", data[8 + length + begin:8 + length + end])
    return read


def logits(path):
    data = open(path, "rb").read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack(f"<{(len(data) - start) // 4}f", data[start:])


def check_fast(program, cpu, golden, ids):
    """Products in whole numbers: the same ids, and with dot products (max) the same bits as without (cortex-a53)."""
    case = golden[0]
    json.dump(case["prompt_ids"], open(ids, "w"))
    for processor in ("max", "cortex-a53"):
        out = run(program, "generate", "-m", f"{SOURCE}/models/nano.gguf", "--ids", ids, "-n", "200", "--temp", "0", "--json",
                  "--cpu", cpu, "--arithmetic", "fast", processor=processor)
        assert json.loads(out)["ids"] == case["ids"], (cpu, processor, out)
    results = []
    json.dump(list(range(2, 42)), open(ids, "w"))
    for name in ("qe2b.q4_0_mix", "qe2b.mixed_all", "qmoe.q4_k_m"):
        for processor, arithmetic in (("max", "fast"), ("cortex-a53", "fast"), ("max", "exact")):
            npy = ids + ".npy"
            run(program, "logits", "-m", f"{SOURCE}/tests/engine/data/text/{name}.gguf", "--ids", ids, "-o", npy, "--cpu", cpu,
                "--arithmetic", arithmetic, "--chunk", "8", processor=processor)
            results.append(logits(npy))
        fast, plain, exact = results[-3:]
        worst = max(abs(a - b) for a, b in zip(fast, exact))
        size = max(abs(b) for b in exact)
        print(f"{cpu}, {name}: fast off by {worst:.2e} of {size:.1f} at most")
        assert fast == plain and fast != exact and worst < 0.15 * size


def main():
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        ids = os.path.join(folder, "ids.json")
        golden = json.load(open(f"{SOURCE}/tests/engine/data/nano.golden.json"))
        for cpu in ("scalar", "neon"):
            for case in golden[:3]:
                json.dump(case["prompt_ids"], open(ids, "w"))
                out = run(program, "generate", "-m", f"{SOURCE}/models/nano.gguf", "--ids", ids, "-n", "200",
                          "--temp", "0", "--json", "--cpu", cpu)
                assert json.loads(out)["ids"] == case["ids"], (cpu, out)
            check_fast(program, cpu, golden, ids)
            tensors = safetensors(f"{SOURCE}/tests/engine/data/text/e2b.golden.safetensors")
            json.dump(list(tensors("seq0.ids", "i")), open(ids, "w"))
            npy = os.path.join(folder, "out.npy")
            run(program, "logits", "-m", f"{SOURCE}/tests/engine/data/text/e2b.gguf", "--ids", ids, "-o", npy, "--cpu", cpu)
            worst = max(abs(a - b) for a, b in zip(logits(npy), tensors("seq0.logits", "f")))
            print(f"{cpu}: 3 continuations id by id, logits off by {worst:.1e} at most")
            assert worst < LIMIT, worst


main()
