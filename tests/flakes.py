#!/usr/bin/env python3
"""The whole suite again and again: which tests fail now and then?

    flakes.py BUILD... [--runs N] [-- MESON-TEST-OPTIONS...]

Runs `meson test` N times (20), in each build by turns, whatever fails, and prints for each run what failed and at the end
how often each test did; what a failed test said is kept in BUILD/meson-logs/flakes. Nothing may fail in any run.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", nargs="+")
    parser.add_argument("--runs", type=int, default=20)
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, words = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1:]
    failures, tests, whole = collections.Counter(), 0, 0
    for number in range(1, options.runs + 1):
        build = options.builds[(number - 1) % len(options.builds)]
        log = os.path.join(build, "meson-logs", "testlog.json")
        kept = os.path.join(build, "meson-logs", "flakes")
        os.makedirs(kept, exist_ok=True)
        if os.path.exists(log):
            os.remove(log)
        start = time.monotonic()
        subprocess.run(["meson", "test", "-C", build, "--num-processes", str(3 * os.cpu_count()), *words],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results = [json.loads(line) for line in open(log)]
        failed = []
        for one in results:
            if one["result"] in ("OK", "EXPECTEDFAIL", "SKIP"):
                continue
            name = one["name"].split()[-1]
            failed.append(name)
            with open(os.path.join(kept, f"{number}-{name}.txt"), "w") as out:
                out.write(one.get("stdout", "") + one.get("stderr", ""))
        failures.update(failed)
        tests += len(results)
        whole += not failed
        print(f"run {number} of {options.runs}, {build}: {len(results)} tests in {time.monotonic() - start:.0f} s, "
              f"{len(failed)} failed {' '.join(failed)}", flush=True)
    for name, count in failures.most_common():
        print(f"{name}: failed in {count} of {options.runs} runs")
    print(f"{whole} of {options.runs} runs without a failure, {tests} tests, {failures.total()} failed")
    return 0 if whole == options.runs and tests > 0 else 1


sys.exit(main())
