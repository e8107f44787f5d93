#!/usr/bin/env python3
"""`carat replay`: a run once more from what was kept of it, without its model and its tools."""
import json
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *


def without_usage(text):
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line.pop("usage", None)
    return lines


def case_same_events():
    """What exec printed is printed again, though the tools would now do something else."""
    with Place() as place:
        def repeated(*words, code=0):
            run = place.carat("exec", "--json", *words, code=None)
            thread = json.loads(run.stdout.splitlines()[0])["thread_id"]
            again = place.carat("replay", thread, code=code)
            check(without_usage(again.stdout) == without_usage(run.stdout), (run.stdout, again.stdout, again.stderr))
            return json.loads(again.stdout.splitlines()[-1]), thread
        end, thread = repeated("what is 17 * 23")
        check(end["usage"]["output_tokens"] == 37, ("the very tokens that were sampled", end))
        place.write("budget.txt", "copper\n")
        repeated("replace copper with silver in budget.txt")
        check(place.read("budget.txt") == "silver\n", "once is enough")
        _, made = repeated("create notes.txt with the text hello river")
        os.unlink(os.path.join(place.work, "notes.txt"))
        place.carat("replay", made)
        check(not os.path.exists(os.path.join(place.work, "notes.txt")), "no tool runs")
        repeated("--disallowedTools", "shell", "what is 17 * 23")
        count = len(place.carat("sessions").stdout.splitlines())
        check(count == 4, "a replay is not kept")
        for form in ("stream-json", "gemini", "json", "text"):
            check("391" in place.carat("replay", thread, "--output-format", form).stdout, form)
        check("no" in place.carat("replay", "00000000-none", code=42).stderr, "no such conversation")


def case_others():
    """Several turns, a server's answers, an answer that was cut off."""
    with Place() as place, ModelServer() as server:
        thread = place.events("hello")[0]["thread_id"]
        place.events("--resume", thread, "what is 17 * 23")
        again = without_usage(place.carat("replay", thread).stdout)
        check([line["type"] for line in again].count("turn.completed") == 2, again)
        run = place.carat("exec", "--json", "-m", "remote:big", "--remote-url", server.url(), "what is 17 * 23")
        thread = json.loads(run.stdout.splitlines()[0])["thread_id"]
        seen = len(server.requests)
        again = place.carat("replay", thread)
        check(without_usage(again.stdout) == without_usage(run.stdout), (run.stdout, again.stdout))
        check(len(server.requests) == seen, "the server is not asked")
        thread = place.events("--max-tokens", "3", "hello", code=54)[0]["thread_id"]
        place.carat("replay", thread)


def case_differences():
    """A recording that does not lead to itself: said, and exit 1."""
    with Place() as place:
        thread = place.events("what is 17 * 23")[0]["thread_id"]
        place.carat("replay", thread)
        database = place.database()
        database.execute("update calls set state = 1")
        check(database.total_changes == 1, "the call was refused, says the recording now")
        database.commit()
        database.close()
        run = place.carat("replay", thread, code=1)
        check("message 3 differs: whether it failed" in run.stderr, run.stderr)


main(globals())
