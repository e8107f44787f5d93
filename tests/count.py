#!/usr/bin/env python3
"""Prints "passed failed skipped" of a meson testlog.json, for ./check."""
import json
import sys

passed = failed = skipped = 0
try:
    for line in open(sys.argv[1]):
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif result == "SKIP":
            skipped += 1
        else:
            failed += 1
except OSError:
    failed += 1
print(passed, failed, skipped)
