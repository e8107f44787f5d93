#!/usr/bin/env python3
"""What a meson testlog.json holds, for ./check.

    count.py LOG             "passed failed skipped"; a log that is not there is one failure
    count.py --failed LOG... each failed test again, with the end of what it said
"""
import json
import os
import sys

LINES = 12


def tests(log):
    for line in open(log):
        test = json.loads(line)
        kind = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(test["result"], "failed")
        yield kind, test


def count(log):
    kinds = [kind for kind, _ in tests(log)] if os.path.exists(log) else ["failed"]
    print(*(kinds.count(kind) for kind in ("passed", "failed", "skipped")))


def tell_failed(logs):
    for log in filter(os.path.exists, logs):
        for kind, test in tests(log):
            if kind == "failed":
                print(f"failed: {test['name']} in {log.split('/')[0]} ({test['result']}, {test['duration']:.0f} s)")
                said = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
                print("".join(f"    {line}\n" for line in said[-LINES:]), end="")


if sys.argv[1] == "--failed":
    tell_failed(sys.argv[2:])
else:
    count(sys.argv[1])
