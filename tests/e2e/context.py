#!/usr/bin/env python3
"""What fills the context, the project's notes with their cost, a summary and its taking back: on the screen."""
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *


def case_picture():
    with Place() as place:
        place.write("AGENTS.md", "Answer in Latin.\n" * 200)
        screen = Screen(place, "-m", script(place, {"expect": "Answer in Latin.", "text": "Salve."}), rows=40)
        try:
            screen.wait("script", "Read: ", "AGENTS.md", "tokens")
            screen.say("hello")
            screen.wait("Salve.")
            screen.say("/context")
            text = screen.wait("S  system text", "T  tools", "I  project's notes", "M  messages", ".  free", "of 32768 tokens")
            cells = [line.strip(" -") for line in text.splitlines() if "SI" in line or "ST" in line or "TI" in line]
            check(cells and len(cells[0]) == 60 and set(cells[0]) <= set("STICMR."), text)
        finally:
            screen.close()


def case_summary_and_back():
    """The model goes on with the summary alone, then with the messages again; the store holds all of them throughout."""
    with Place() as place:
        model = script(place, "One.", {"expect": "Above all keep: the colour", "text": "They spoke of one."},
                       {"expect": "summed up:\nThey spoke of one.", "text": "Two."},
                       {"expect": "first words<turn|>", "text": "Three."})
        screen = Screen(place, "-m", model, rows=40)
        try:
            screen.wait("script")
            screen.say("first words")
            screen.wait("One.")
            screen.settle()
            screen.say("/compact the colour")
            screen.wait("goes on with a summary")
            screen.say("/context")
            screen.wait("C  summary", "a summary stands for the first 2 messages")
            screen.say("second words")
            screen.wait("Two.")
            screen.settle()
            screen.say("/expand")
            screen.wait("reads the messages again")
            screen.say("third words")
            screen.wait("Three.")
            screen.settle()
            screen.say("/expand")
            screen.wait("There is no summary.")
        finally:
            screen.close()
        shown = place.carat("export", "last").stdout
        check(all(word in shown for word in ("first words", "One.", "second words", "Two.", "third words", "Three.")), shown)


def case_beside():
    """/btw is answered from the conversation and leaves nothing in it: not for the model, not on disk, not for a call."""
    with Place() as place:
        call = '<|tool_call>call:shell{command:<|"|>touch made<|"|>}<tool_call|>'
        model = script(place, "The river is the Elbe.", {"expect": "nor your answer is kept", "text": "Some 1,100 km."}, {"expect": "Elbe.<turn|>", "text": "As before."}, call,
                       {"text": "word " * 500, "delay_ms": 20}, "At last.")
        screen = Screen(place, "--mode", "full", "-m", model, columns=100, rows=40)
        try:
            screen.wait("script")
            screen.say("/btw")
            screen.wait("there is no question")
            screen.say("which river?")
            screen.wait("The river is the Elbe.")
            screen.settle()
            screen.say("/btw how long is it?")
            screen.wait("/btw how long is it?", "Beside the conversation, not kept:", "Some 1,100 km.")
            screen.say("go on")
            screen.wait("As before.")
            screen.settle()
            screen.say("/btw do something")
            screen.wait("(no answer in words)")
            check(not os.path.exists(os.path.join(place.work, "made")), "a call ran beside the conversation")
            screen.say("/btw something long")
            screen.wait("Esc interrupts")
            time.sleep(2)  # some of it is said, which is shown at its end
            screen.key("Escape")
            screen.wait("word word")
            screen.say("at last")
            screen.wait("At last.")
        finally:
            screen.close()
        shown = place.carat("export", "last").stdout
        check(all(word in shown for word in ("Elbe", "As before.", "At last.")), shown)
        check(not any(word in shown for word in ("1,100", "how long", "beside the task", "word word", "touch made")), shown)


main(globals())
