#!/usr/bin/env python3
"""All fuzz targets in turn, for hours: what is run before a release, and its table.

    long.py BUILD [--hours H] [--slice SECONDS] [TARGET...]
    long.py BUILD --table

BUILD is a build with -Dfuzz=true whose targets are built. One process runs at a time, a slice (of
processor seconds) for each target and then from the start, so that an early end leaves a little of all. Corpora grow in
BUILD/fuzz-long, and what was counted is kept there too: the next run goes on from it. The end, an
interrupt included, prints the table. It is meant to run beside other work: `nice -n 19 chrt -i 0`.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

import fuzzing


def targets(build):
    """(name, program, options, corpus) of each, as the build knows them."""
    tests = json.loads(subprocess.run(["meson", "introspect", build, "--tests"], check=True,
                                      capture_output=True).stdout)
    found = []
    for test in tests:
        if "fuzz" in test["suite"][0].split(":")[-1]:
            *words, program, corpus = test["cmd"]
            found.append((test["name"].removeprefix("fuzz_"), os.path.join(os.path.abspath(build), program),
                          [word for word in words if word.startswith("-")], corpus))
    return sorted(target for target in found if os.path.exists(target[1]))


class Ledger:
    """Executions, processor seconds and findings of each target, on disk after each slice."""

    def __init__(self, path):
        self.path = path
        self.rows = {}
        if os.path.exists(path):
            self.rows = json.load(open(path))

    def add(self, name, run):
        row = self.rows.setdefault(
            name, {"executions": 0, "seconds": 0, "edges": 0, "inputs": 0, "findings": []})
        row["executions"] += run.executions
        row["seconds"] += run.processor_seconds
        row["edges"] = max(row["edges"], run.edges)
        row["findings"] += run.findings or ([f"exit {run.code}"] if run.code != 0 else [])
        with open(self.path + ".new", "w") as out:
            json.dump(self.rows, out, indent=1)
        os.replace(self.path + ".new", self.path)

    def table(self):
        print("| Target | Executions | CPU seconds | Edges | Findings |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for name, row in sorted(self.rows.items()):
            print(f"| {name} | {row['executions']:,} | {row['seconds']:,.0f} | {row['edges']:,} | "
                  f"{len(row['findings'])} |")
        total = [sum(row[key] for row in self.rows.values()) for key in ("executions", "seconds")]
        findings = [one for row in self.rows.values() for one in row["findings"]]
        print(f"| all | {total[0]:,} | {total[1]:,.0f} | | {len(findings)} |")
        for finding in findings:
            print(f"finding: {finding}")
        return len(findings)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--slice", type=int, default=60)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_intermixed_args()
    folder = os.path.join(os.path.abspath(options.build), "fuzz-long")
    os.makedirs(folder, exist_ok=True)
    ledger = Ledger(os.path.join(folder, "ledger.json"))
    if options.table:
        return 1 if ledger.table() else 0
    chosen = [one for one in targets(options.build)
              if not options.targets or one[0] in options.targets]
    if not chosen:
        sys.exit(f"long.py: no fuzz target of that name is built in {options.build}")

    def stop(_signal, _frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    end = time.monotonic() + options.hours * 3600
    try:
        while time.monotonic() < end:
            for name, program, words, corpus in chosen:
                grown = os.path.join(folder, name)
                os.makedirs(grown, exist_ok=True)
                run = fuzzing.fuzz(program, [*words, grown, corpus], os.path.join(folder, "findings"),
                                   options.slice)
                ledger.add(name, run)
                if run.failed:
                    print(f"{name}: {run.log[-8000:]}", flush=True)
                if time.monotonic() >= end:
                    break
    except KeyboardInterrupt:
        pass
    return 1 if ledger.table() else 0


sys.exit(main())
