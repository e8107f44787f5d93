#!/usr/bin/env python3
"""Every row of the tables of attacks on the whole program, added up: suite.py CARAT-TOOL ATTACK BUILD SOURCE [LETTERS].

Letters: the groups below, or "kernel" for the table of the sandbox alone (walls.py); without any, all of them, two at a time.
As root it does all of this twice: the second time as an ordinary user, with copies of the programs where one can reach them.
It prints one line for each row that got through or proves nothing, and at the end how many were blocked of how many tried.
"""
import concurrent.futures
import json
import os
import subprocess
import sys

from reachable import Reachable
from walls import blocked
from world import ORDINARY_USER, Programs, identity

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = {  # the file, and how many rows each letter has
    "rows_commands.py": {"S": 24, "A": 24},
    "rows_environment.py": {"E": 12, "G": 14, "D": 8},
    "rows_files.py": {"T": 18, "Z": 10},
    "rows_web.py": {"W": 30},
    "rows_terminal.py": {"O": 30, "U": 21},
    "rows_trust.py": {"C": 14, "M": 12},
    "rows_limits.py": {"L": 9},
}
LONGEST = ["rows_limits.py", "rows_commands.py", "rows_terminal.py"]  # begin with these
SECONDS = 280


def run(name, build, source, user):
    """The rows of a file, and what was wrong with the run itself."""
    env = dict(os.environ)
    if user is not None:
        env["HOME"] = os.path.join(os.path.dirname(build), "home")  # of Reachable
    script = os.path.join(source, "tests", "attacks", name)
    python = sys.executable if user is None else "/usr/bin/python3"  # root may have one of its own
    done = subprocess.run([python, "-B", script, "rows", build, source], env=env, capture_output=True, text=True, errors="replace",
                          timeout=SECONDS, cwd="/", **identity(user))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [] if done.returncode == 0 else [f"{name}: {done.stderr[-1500:]}"]
    expected = {f"{letter}{number:02}" for letter, count in GROUPS[name].items() for number in range(1, count + 1)}
    found = [row["id"] for row in rows]
    if sorted(found) != sorted(expected):
        problems.append(f"{name}: missing {sorted(expected - set(found))}, twice or unknown {sorted(set(i for i in found if found.count(i) > 1 or i not in expected))}")
    return rows, problems


def rows_of(files, build, source, user):
    order = sorted(files, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda name: run(name, build, source, user), order))
    rows = sorted((row for found, _ in outcomes for row in found), key=lambda row: row["id"])
    return rows, [problem for _, found in outcomes for problem in found]


def main():
    tool, attack, build, source, *wanted = sys.argv[1:]
    build, source = os.path.abspath(build), os.path.abspath(source)
    files = [name for name, letters in GROUPS.items() if not wanted or set(wanted) & set(letters)]
    stopped = tried = 0
    wrong = []
    if not wanted or "kernel" in wanted:
        programs = Programs(tool, attack)
        try:
            stopped, tried, wrong = blocked(programs)
        finally:
            programs.close()
    reachable = Reachable(build, source) if os.getuid() == 0 else None
    try:
        kinds = [("root", build, source, None), ("an ordinary user", reachable.build, reachable.source, ORDINARY_USER)] if reachable \
            else [("an ordinary user", build, source, None)]
        for who, its_build, its_source, user in kinds:
            rows, problems = rows_of(files, its_build, its_source, user) if files else ([], [])
            counted = [row for row in rows if row["control"] is not None]
            through = [row for row in counted if row["through"]]
            idle = [row["id"] for row in rows if row["control"] is None]
            print(f"{who}: {len(counted) - len(through)} blocked of {len(counted)} tried; refused to all here: {', '.join(idle) or 'none'}", flush=True)
            stopped, tried = stopped + len(counted) - len(through), tried + len(counted)
            wrong += [f"{who}: {row['id']} {row['name']}: got through: {row['through']}" for row in through]
            wrong += [f"{who}: {row['id']} {row['name']}: has no effect even where nothing forbids it" for row in rows if row["control"] is False]
            wrong += [f"{who}: {problem}" for problem in problems]
    finally:
        if reachable:
            reachable.close()
    print("\n".join(wrong))
    print(f"blocked {stopped} of {tried}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
