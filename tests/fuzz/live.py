#!/usr/bin/env python3
"""One fuzz target for so many executions, as a test of a build with -Dfuzz=true.

    live.py RUNS SECONDS [-LIBFUZZER_OPTION=VALUE...] PROGRAM CORPUS

SECONDS of a processor are the most that it may take (CARAT_FUZZ_SECONDS says another number); when
they are over before the executions are done the line that is printed says so, and that is no
failure. The seed is fixed: a commit that passed does not fail on another day for what it did not
change; new seeds are long.py's. A failing input is printed and kept in fuzz-findings beside the
tests of the build. A run that executed less than the corpus and something of its own proves nothing
and fails.
"""
import base64
import os
import sys

import fuzzing

SHOWN = 16 * 1024


def main(runs, seconds, *rest):
    *options, program, corpus = rest
    runs = int(runs)
    seconds = float(os.environ.get("CARAT_FUZZ_SECONDS", seconds))
    kept = os.path.abspath(os.path.join(os.path.dirname(program), "fuzz-findings"))
    inputs = sorted(os.listdir(corpus))
    # Named one by one: beside a folder libFuzzer would keep what it finds in another.
    seeds = "-seed_inputs=" + ",".join(os.path.join(os.path.abspath(corpus), name) for name in inputs)
    run = fuzzing.fuzz(program, [*options, seeds], kept, seconds, runs, seed=1)
    if run.failed:
        print(run.log)
        for path in run.findings:
            content = open(path, "rb").read()
            print(f"FINDING {path}, {len(content)} bytes, in base64:")
            text = base64.b64encode(content[:SHOWN]).decode()
            print(text + (f" (the first {SHOWN} bytes)" if len(content) > SHOWN else ""))
        return 1
    ceiling = "" if run.executions >= runs else f", short of {runs:,}: the ceiling came first"
    print(f"{run.executions:,} executions in {run.processor_seconds:.1f} s of a processor, "
          f"{run.edges} edges, no finding{ceiling}")
    if run.executions <= len(inputs):
        print(f"that is not more than the {len(inputs)} inputs of the corpus")
        return 1
    return 0


sys.exit(main(*sys.argv[1:]))
