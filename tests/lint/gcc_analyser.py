#!/usr/bin/env python3
"""gcc's analyser over those of the files that lie in src and tools: gcc_analyser.py BUILD FILE...

Whether a value was ever set is not asked: without optimisation gcc 12 takes what memcpy has set for unset, and valgrind
(tests/memcheck.py) knows better. Each is compiled as the build does, without optimisation (which hides from it what was meant), to a file that is thrown away. The first line is the count, then one line for each finding.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

WITH_VALUE = ("-o", "-MQ", "-MF")


def words(command):
    """The build's command without its outputs, with the analyser."""
    kept, skip = [], False
    for word in shlex.split(command):
        if skip or word in WITH_VALUE:
            skip = not skip
        elif word not in ("ccache", "-MD", "-Werror"):
            kept.append(word)
    return [*kept, "-O0", "-U_FORTIFY_SOURCE", "-fanalyzer", "-Wno-analyzer-use-of-uninitialized-value",
            "-fdiagnostics-plain-output", "-o"]


def analyse(entry):
    with tempfile.TemporaryDirectory() as folder:
        command = [*words(entry["command"]), os.path.join(folder, "object")]
        run = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    found = re.findall(r"^\S+:\d+:\d+: warning: .*$", run.stderr, re.M)
    return found if run.returncode == 0 else [f"{entry['file']}: {run.stderr.strip()[-500:]}"]


def main():
    build, wanted = sys.argv[1], {path for path in sys.argv[2:] if path.startswith(("src/", "tools/"))}
    entries = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]))
        if path in wanted:
            entries[path] = entry  # once each, also where several programs have it
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        findings = [line for found in pool.map(analyse, entries.values()) for line in found]
    print(f"gcc -fanalyzer: {len(findings)} findings in {len(entries)} files")
    print("\n".join(findings), end="\n" if findings else "")


main()
