#!/usr/bin/env python3
"""carat --promises, README.md and docs/security.md make the same promises: promises.py BUILD SOURCE."""
import os
import re
import subprocess
import sys

BUILD, SOURCE = sys.argv[1:3]


def main():
    said = subprocess.run([os.path.join(BUILD, "carat"), "--promises"], capture_output=True, text=True, check=True).stdout
    promises = re.findall(r"^P(\d+) +(.*)$", said, re.M)
    readme, security = (re.sub(r"\s+", " ", open(os.path.join(SOURCE, name)).read()) for name in ("README.md", "docs/security.md"))
    wrong = [f"P{number} is not in README.md: {text}" for number, text in promises if text not in readme]
    wrong += [f"P{number} has no row in docs/security.md" for number, _ in promises if f"| P{number} |" not in security]
    if [int(number) for number, _ in promises] != list(range(1, 15)):
        wrong.append(f"not 14 of them: {said}")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
