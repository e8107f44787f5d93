"""What the tables of attacks on the whole program stand on. A table is a file rows_*.py, run as FILE CASE BUILD SOURCE.

It prints a JSON line for each row: its id in the design's table, what is tried, `through` (how it got through; null is
blocked) and `control`: whether the same thing works where nothing forbids it. False: the row proves nothing and is broken.
null: this machine refuses it to everybody, so that it is not counted. suite.py adds them up.
"""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from place import *


def report(number, name, through=None, control=True):
    print(json.dumps({"id": number, "name": name, "through": through or None, "control": control}), flush=True)


def call(tool, **arguments):
    """A call as the model writes it."""
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' if isinstance(value, str) else f"{key}:{json.dumps(value)}"
                     for key, value in arguments.items())
    return f"<|tool_call>call:{tool}{{{inner}}}<tool_call|>"


class Session:
    """`carat exec` with a model that makes these calls: what each gave back, and how it ended."""

    def __init__(self, place, *calls, words=(), env=None, before=()):
        limits = ("--max-turns", "10000", "--max-tool-calls", "10000", "--max-tokens", "1000000")
        self.run = place.carat(*before, "exec", "--output-format", "stream-json", *limits, *words, "-m", script(place, *calls, "Done."),
                               "go", code=None, env=env)
        self.code, self.stderr, self.results = self.run.returncode, self.run.stderr, []
        for line in self.run.stdout.splitlines():
            message = json.loads(line)
            if message["type"] == "user":
                self.results += [(item["content"], item.get("is_error", False)) for item in message["message"]["content"]
                                 if item.get("type") == "tool_result"]

    def whole(self, calls):
        """The results, when there is one for each call; else the test itself is broken."""
        check(self.code == 0 and len(self.results) == calls, (self.code, self.stderr, self.results))
        return self.results


def freely(command, folder, shell="bash", env=None):
    """The command without carat, in a folder: the control."""
    return subprocess.run([shell, "-c", command], cwd=folder, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=PATIENCE)


def exists(*path):
    return os.path.lexists(os.path.join(*path))
