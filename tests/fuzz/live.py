#!/usr/bin/env python3
"""One fuzz target for a few seconds, as a test of a build with -Dfuzz=true.

    live.py PROGRAM CORPUS

CARAT_FUZZ_SECONDS says how long. The seed is fixed: a commit that passed does not fail on another
day for what it did not change; new seeds are long.py's. A failing input is printed and kept in
fuzz-findings beside the tests of the build. A run that executed less than the corpus and something
of its own proves nothing and fails.
"""
import base64
import os
import sys
import tempfile

import fuzzing

SHOWN = 16 * 1024


def main(program, corpus):
    seconds = int(os.environ.get("CARAT_FUZZ_SECONDS", "6"))
    kept = os.path.abspath(os.path.join(os.path.dirname(program), "fuzz-findings"))
    inputs = len(os.listdir(corpus))
    with tempfile.TemporaryDirectory(prefix="carat-fuzz-") as work:
        run = fuzzing.fuzz(program, corpus, work, kept, seconds, seed=1)
    if run.failed:
        print(run.log)
        for path in run.findings:
            content = open(path, "rb").read()
            print(f"FINDING {path}, {len(content)} bytes, in base64:")
            text = base64.b64encode(content[:SHOWN]).decode()
            print(text + (f" (the first {SHOWN} bytes)" if len(content) > SHOWN else ""))
        return 1
    print(f"{run.executions} executions in {run.wall_seconds:.1f} s, {run.edges} edges, no finding")
    if run.executions <= inputs:
        print(f"that is not more than the {inputs} inputs of the corpus")
        return 1
    return 0


sys.exit(main(*sys.argv[1:]))
