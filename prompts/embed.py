#!/usr/bin/env python3
"""Writes a C file that holds text files as byte arrays: embed.py OUT.c NAME=FILE ..."""
import sys

lines = ["/* Generated from prompts/ at build. */", "#include <stddef.h>", "#include \"prompts.h\"", ""]
for pair in sys.argv[2:]:
    name, path = pair.split("=", 1)
    data = open(path, "rb").read()
    body = ",".join(str(byte) for byte in data + b"\0")
    lines.append(f"const char {name}[] = {{{body}}};")
    lines.append(f"const size_t {name}_length = {len(data)};")
open(sys.argv[1], "w").write("\n".join(lines) + "\n")
