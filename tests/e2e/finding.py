#!/usr/bin/env python3
"""/search and /open: what was said is found and shown at its place; and what is typed is read before it is sent."""
import sys
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

LONG = "\n\n".join(f"Line {number} of a long answer." for number in range(40))


def case_open():
    """In another conversation than the one that is shown, far above its end; and in this one."""
    with Place() as place:
        model = script(place, "The pelican is here.", LONG, LONG)
        first = place.events("-m", model, "where is the bird")
        thread = [event for event in first if event["type"] == "thread.started"][0]["thread_id"]
        model = script(place, LONG, LONG)
        place.carat("exec", "-m", model, "-r", thread, "more")
        screen = Screen(place, "-m", script(place, "Something else."))
        try:
            screen.wait("script")
            screen.say("hello")
            screen.wait("Something else.")
            screen.say("/open")
            screen.wait("There is nothing to open")
            screen.say("/search pelican")
            screen.wait("»pelican«", "/open N shows one")
            screen.say("/open 2")
            screen.wait("the last search found 1 to 1")
            screen.say("/open 1")
            text = screen.wait("Found here:", "The pelican is here.", "Line 3 of", gone=("Line 39 of", "Something else."))
            check(text.lstrip("\n- ").startswith("Found here:"), text)
            screen.key("End")
            screen.say("/search hello")
            screen.wait("»hello«")
            screen.say("/open")
            screen.wait("Found here:", "> hello", "Something else.", gone=("pelican",))
        finally:
            screen.close()


def case_read_ahead():
    """With a model that reads ahead: a pause while typing, more typing, a pause, then sent: one message, one answer."""
    with Place() as place:
        place.write("heron.txt", "x")
        screen = Screen(place, "-m", NANO, "--mode", "full")
        try:
            screen.wait("context")
            screen.type("list the")
            time.sleep(0.8)
            screen.type(" files")
            time.sleep(0.8)
            rows = place.carat("sessions", "--all").stdout
            check(rows == "", rows)  # nothing is kept of what was only read
            screen.key("Enter")
            screen.wait("> list the files", "heron.txt")
        finally:
            screen.close()


main(globals())
