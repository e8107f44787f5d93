#!/usr/bin/env python3
"""/search, /open and carat search: what was said is found and opened at its place; titles; and what is typed is read ahead."""
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
            screen.settle()
            screen.say("/open")
            screen.wait("There is nothing to open")
            screen.say("/search pelican")
            screen.wait("»pelican«", "Enter opens it at its place")
            screen.say("/open 2")  # a slash leaves the list
            screen.wait("the last search found 1 to 1")
            screen.say("/search pelican")
            screen.wait("> 2", "»pelican«")  # selected, with its date
            screen.key("Enter")
            text = screen.wait("Found here:", "The pelican is here.", "Line 3 of", gone=("Line 39 of", "Something else."))
            check(text.lstrip("\n- ").startswith("Found here:"), text)
            screen.key("End")
            screen.say("/search hello")
            screen.wait("»hello«")
            screen.key("Escape")
            screen.wait("Ask something", gone=("»hello«",))
            screen.say("/open")
            screen.wait("Found here:", "> hello", "Something else.", gone=("pelican",))
        finally:
            screen.close()


def case_from_the_shell():
    """carat search on a terminal: a number opens the screen at the place; Enter alone leaves. Without one it prints."""
    with Place() as place:
        model = script(place, "The pelican is here.", LONG)
        place.carat("exec", "-m", model, "where is the bird")
        place.carat("exec", "-m", script(place, LONG), "-r", "last", "more")
        printed = place.carat("search", "pelican").stdout
        check("»pelican«" in printed and "Number" not in printed, printed)
        screen = Screen(place, "search", "pelican", "-m", script(place, "On we go."))
        try:
            screen.wait("»pelican«", "Number to open it at its place")
            screen.say("7")
            screen.say("1")
            text = screen.wait("Found here:", "The pelican is here.", "context", gone=("Line 39 of",))
            check(text.lstrip("\n- ").startswith("Found here:"), text)
            screen.say("go on")
            screen.wait("On we go.")
        finally:
            screen.close()
        screen = Screen(place, "search", "pelican")
        try:
            screen.wait("Number to open it at its place")
            screen.key("Enter")
            screen.wait("[exit 0]")
        finally:
            screen.close()


def case_choosing():
    """/resume lists the conversations to choose from; what is typed narrows them."""
    with Place() as place:
        for words in ("about rivers", "about hills"):
            place.carat("exec", "-m", script(place, f"You said {words}."), words)
        for number, title in ((1, "Hills"), (2, "Rivers")):
            place.carat("rename", place.carat("sessions").stdout.splitlines()[number - 1].split()[0], title)
        screen = Screen(place, "-m", script(place, "x"))
        try:
            screen.wait("script")
            screen.say("/resume")
            screen.wait("Go on with", "Hills", "Rivers")
            screen.type("riv")
            screen.wait("Rivers", gone=("Hills",))
            screen.key("Enter")
            screen.wait("You said about rivers.", "Taken up again.", gone=("Go on with",))
        finally:
            screen.close()


def case_title():
    """The model names the conversation when nothing has run for a while: the list shows the name, the conversation does not."""
    with Place() as place:
        turns = ("The Rhine is long.", {"text": "Rivers of Europe", "expect": "Name this conversation"}, "So is the Elbe.")
        screen = Screen(place, "-m", script(place, *turns), "--set", "agent.titles=true")
        try:
            screen.wait("script")
            screen.say("which river is long?")
            screen.wait("The Rhine is long.")
            end = time.monotonic() + PATIENCE
            while json.loads(place.carat("sessions", "--json").stdout)["title"] != "Rivers of Europe":
                check(time.monotonic() < end, "no title came")
                time.sleep(0.2)
            check("Rivers of Europe" not in screen.text(), screen.text())
            screen.say("another?")  # named once, and not in the way
            screen.wait("So is the Elbe.")
            screen.say("/title")
            screen.wait("Rivers of Europe")
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
