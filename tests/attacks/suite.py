#!/usr/bin/env python3
"""Every row of the tables of attacks on the whole program, added up: suite.py CARAT-TOOL ATTACK BUILD SOURCE [LETTERS].

Letters: the groups below, or "kernel" for the table of the sandbox alone (walls.py); without any, all of them. The parts
of a table run side by side, each in a process of its own. As root everything is done twice: the second time as an ordinary
user, with copies of the programs where one can reach them; with letters once, as whoever asks. It prints one line for each
row that got through or proves nothing, how long the slowest parts took, and at the end how many were blocked of how many tried.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time

from reachable import Reachable
from walls import blocked
from world import ORDINARY_USER, Programs, identity

PARTS = [  # the file, its case, how many rows each letter has; the longest first
    ("rows_commands.py", "arguments", {"A": range(1, 13)}),
    ("rows_commands.py", "more_arguments", {"A": range(13, 26)}),
    ("rows_commands.py", "last_arguments", {"A": range(26, 43)}),
    ("rows_commands.py", "shell", {"S": range(1, 33)}),
    ("rows_network.py", "time", {"Y": range(11, 19)}),
    ("rows_limits.py", "memory", {"L": [2]}),
    ("rows_network.py", "reach", {"Y": range(1, 11)}),
    ("rows_terminal.py", "questions", {"U": range(1, 25)}),
    ("rows_limits.py", "limits", {"L": [1, 3, 4, 5, 6, 7, 8, 9, 10]}),
    ("rows_environment.py", "git", {"G": range(1, 15)}),
    ("rows_environment.py", "own", {"E": range(14, 18)}),
    ("rows_environment.py", "plants", {"G": range(15, 30)}),
    ("rows_environment.py", "covers", {"E": range(18, 26)}),
    ("rows_environment.py", "configuration", {"E": range(26, 33)}),
    ("rows_terminal.py", "orders", {"O": range(1, 32)}),
    ("rows_network.py", "offers", {"Y": range(19, 25)}),
    ("rows_files.py", "archives", {"Z": range(1, 11)}),
    ("rows_files.py", "race", {"T": [6]}),
    ("rows_files.py", "mounts", {"T": [21]}),
    ("rows_files.py", "replaced", {"T": [22]}),
    ("rows_environment.py", "exits", {"D": range(1, 9)}),
    ("rows_trust.py", "servers", {"M": range(1, 15)}),
    ("rows_trust.py", "trust", {"C": range(1, 15)}),
    ("rows_skills.py", "skills", {"C": range(15, 24)}),
    ("rows_web.py", "web", {"W": range(1, 31)}),
    ("rows_environment.py", "environment", {"E": range(1, 14)}),
    ("rows_files.py", "paths", {"T": [*range(1, 6), *range(7, 21)]}),
]
HOGS = threading.Lock()  # one part at a time may take as much memory as a command is allowed
SECONDS = 280
SIDE_BY_SIDE = 2 * (os.cpu_count() or 1)  # much of a row is waiting


def run(part, build, source, user):
    """The rows of a part, what was wrong with the run itself, and how long it took."""
    name, case, letters = part
    env = dict(os.environ)
    if user is not None:
        env["HOME"] = os.path.join(os.path.dirname(build), "home")  # of Reachable
    script = os.path.join(source, "tests", "attacks", name)
    python = sys.executable if user is None else "/usr/bin/python3"  # root may have one of its own
    begin = time.monotonic()
    done = subprocess.run([python, "-B", script, case, build, source], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=SECONDS, cwd="/", **identity(user))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [] if done.returncode == 0 else [f"{name} {case}: {done.stderr[-1500:]}"]
    expected = {f"{letter}{number:02}" for letter, numbers in letters.items() for number in numbers}
    found = [row["id"] for row in rows]
    if sorted(found) != sorted(expected):
        problems.append(f"{name} {case}: missing {sorted(expected - set(found))}, twice or unknown "
                        f"{sorted(set(i for i in found if found.count(i) > 1 or i not in expected))}")
    return rows, problems, time.monotonic() - begin


def alone_with_memory(part, *place):
    if part[1] != "memory":
        return run(part, *place)
    with HOGS:
        return run(part, *place)


def count_rows(who, outcomes):
    """Blocked, tried and what is wrong, of one user's parts."""
    rows = sorted((row for found, _, _ in outcomes for row in found), key=lambda row: row["id"])
    counted = [row for row in rows if row["control"] is not None]
    through = [row for row in counted if row["through"]]
    idle = [row["id"] for row in rows if row["control"] is None]
    print(f"{who}: {len(counted) - len(through)} blocked of {len(counted)} tried; refused to all here: {', '.join(idle) or 'none'}", flush=True)
    wrong = [f"{who}: {row['id']} {row['name']}: got through: {row['through']}" for row in through]
    wrong += [f"{who}: {row['id']} {row['name']}: has no effect even where nothing forbids it" for row in rows if row["control"] is False]
    wrong += [f"{who}: {problem}" for _, problems, _ in outcomes for problem in problems]
    return len(counted) - len(through), len(counted), wrong


def main():
    tool, attack, build, source, *wanted = sys.argv[1:]
    build, source = os.path.abspath(build), os.path.abspath(source)
    parts = [part for part in PARTS if not wanted or set(wanted) & set(part[2])]
    reachable = Reachable(build, source) if os.getuid() == 0 and not wanted else None
    programs = Programs(tool, attack) if not wanted or "kernel" in wanted else None
    begin = time.monotonic()
    try:
        kinds = [("an ordinary user" if os.getuid() else "root", build, source, None)]
        if reachable:
            kinds.append(("an ordinary user", reachable.build, reachable.source, ORDINARY_USER))
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            running = [[pool.submit(alone_with_memory, part, *place) for _, *place in kinds] for part in parts]
            stopped, tried, wrong = blocked(programs) if programs else (0, 0, [])
            outcomes = [[future.result() for future in each] for each in running]
        for index, (who, *_) in enumerate(kinds):
            more_stopped, more_tried, more_wrong = count_rows(who, [each[index] for each in outcomes])
            stopped, tried, wrong = stopped + more_stopped, tried + more_tried, wrong + more_wrong
        slowest = sorted(((each[index][2], part[1], who) for part, each in zip(parts, outcomes) for index, (who, *_) in enumerate(kinds)), reverse=True)
        print(f"{time.monotonic() - begin:.0f} s; the slowest: " + ", ".join(f"{case} as {who} {seconds:.0f} s" for seconds, case, who in slowest[:4]))
    finally:
        if programs:
            programs.close()
        if reachable:
            reachable.close()
    print("\n".join(wrong))
    print(f"blocked {stopped} of {tried}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
