#!/usr/bin/env python3
"""help_page.py PROGRAM VERSION: a manual page, as roff, from what PROGRAM says of itself with --help.

The commands that a program lists (two blanks, a name, blanks, a sentence) are asked for their own help too.
"""
import os
import re
import subprocess
import sys


def ask(*words):
    run = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], "HOME": "/"})
    return run.stdout


def roff(text):
    lines = text.replace("\\", "\\e").replace("-", "\\-").rstrip("\n").split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def section(title, text):
    print(f".SH {roff(title).upper()}\n.nf\n{roff(text)}\n.fi")


program, version = sys.argv[1:3]
name = os.path.basename(program)
usage = ask(program, "--help")
what = {"carat-engine": "Gemma 4 inference on the command line", "carat-tool": "one tool of carat, in its sandbox"}[name]
print(f'.TH {roff(name).upper()} 1 "" "carat {version}"\n.SH NAME\n{roff(name)} \\- {what}')
section("Synopsis", usage)
for command in re.findall(r"^  ([a-z]+) {2,}\S", usage, re.MULTILINE):
    if name == "carat-engine":
        section(f"{name} {command}", ask(program, command, "--help"))
print(".SH SEE ALSO\n.BR carat (1)")
