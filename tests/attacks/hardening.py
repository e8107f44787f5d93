#!/usr/bin/env python3
"""How the programs are built, read from the programs: hardening.py CONTROL PROGRAM...

Position independent, relocations read-only and bound at once, no executable stack, no library path of their own, stack
protector, checked string functions and marks where an indirect jump may land in use. (The program's own code: whether a
kernel holds it to the marks, the start files of the system decide; Debian 12's carry none.) The first program is a control
that has none of it.
"""
import re
import subprocess
import sys


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True).stdout


def first_instruction(path, function):
    words = ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", path]
    listing = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return listing.split(f"<{function}>:", 1)[-1].split()[1]


def lacking(path):
    segments, dynamic, symbols = readelf("-l", path), readelf("-d", path), readelf("--dyn-syms", path)
    stack = re.search(r"GNU_STACK.*?(RWE|RW )", segments)
    wanted = {
        "position independent": "DYN" in readelf("-h", path),
        "read-only relocations": "GNU_RELRO" in segments,
        "bound at once": "BIND_NOW" in dynamic or re.search(r"FLAGS.*NOW", dynamic) is not None,
        "no executable stack": stack is not None and stack.group(1) == "RW ",
        "no library path": "RPATH" not in dynamic and "RUNPATH" not in dynamic,
        "stack protector": "__stack_chk_fail" in symbols,
        "checked functions": "_chk@" in symbols.replace("__stack_chk_fail", ""),
        "marked landings": first_instruction(path, "main") in ("endbr64", "paciasp", "bti"),
    }
    return [name for name, holds in wanted.items() if not holds]


control, *programs = sys.argv[1:]
missing = {path: lacking(path) for path in programs}
assert len(lacking(control)) >= 4, f"the control has what it should lack: {lacking(control)}"
for program, names in missing.items():
    print(program, "lacks", ", ".join(names) or "nothing")
sys.exit(1 if any(missing.values()) else 0)
