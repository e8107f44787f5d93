#!/usr/bin/env python3
"""What the model has read is kept: resuming reads nothing twice, damage and budgets do no harm."""
import json
import os
import sys
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *


def folder(place):
    return os.path.join(place.home, "cache", "kv")


def files(place):
    return sorted(os.listdir(folder(place))) if os.path.isdir(folder(place)) else []


def turn(place, *words):
    """The usage of a turn, and its conversation. The small model may lose itself: that is not looked at here."""
    events = place.events("--no-tools", "--seed", "1", *words, code=None)
    usage = ([event["usage"] for event in events if event["type"] == "turn.completed"] + [None])[0]
    return usage, [event["thread_id"] for event in events if event["type"] == "thread.started"][0]


def case_resume_reads_nothing_twice():
    with Place() as place:
        first, thread = turn(place, "hello")
        check(files(place) == [thread + ".kv"], files(place))
        mode = os.stat(os.path.join(folder(place), files(place)[0])).st_mode
        check(mode & 0o077 == 0, oct(mode))
        again, _ = turn(place, "-r", thread, "hello")
        held = first["input_tokens"] + first["output_tokens"] - 1  # all but the stop token, which was only sampled
        check(again["cached_input_tokens"] >= held, (first, again))
        os.remove(os.path.join(folder(place), thread + ".kv"))
        without, _ = turn(place, "-r", thread, "hello")  # the control
        check(without["cached_input_tokens"] == 0, without)


def case_damage():
    with Place() as place:
        _, thread = turn(place, "hello")
        path = os.path.join(folder(place), thread + ".kv")
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(b"\xff" * 64)
        usage, _ = turn(place, "-r", thread, "hello")
        check(usage["cached_input_tokens"] == 0, usage)
        check(files(place) == [thread + ".kv"], "saved anew")
        other = {"f32": "f16", "f16": "f32"}
        for kv in ("f32", "f16"):
            _, thread = turn(place, "--kv", kv, "hello")
            usage, _ = turn(place, "-r", thread, "--kv", other[kv], "hello")
            check(usage["cached_input_tokens"] == 0, usage)


def case_budget():
    with Place() as place:
        _, one = turn(place, "hello")
        size = os.path.getsize(os.path.join(folder(place), one + ".kv"))
        time.sleep(0.02)
        _, two = turn(place, "hello")
        place.carat("config", "example")
        keep = max(1, size * 2 // 2 ** 20)
        check(len(files(place)) == 2, files(place))
        turn(place, "-r", one, "hello")  # used: the other one goes first
        if keep * 2 ** 20 < size * 2 + size:
            turn(place, "--set", f"agent.snapshot_mib={keep}", "-r", one, "hello")
            total = sum(os.path.getsize(os.path.join(folder(place), name)) for name in files(place))
            check(total <= keep * 2 ** 20 and two + ".kv" not in files(place), (files(place), total, keep))
        _, three = turn(place, "--set", "agent.snapshot_mib=0", "hello")
        check(files(place) == [], files(place))
        _, four = turn(place, "hello")
        place.carat("delete", four)
        check(files(place) == [four + ".kv"], files(place))
        place.carat("purge", four)
        check(files(place) == [], "purged with its conversation")


main(globals())
