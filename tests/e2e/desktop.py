#!/usr/bin/env python3
"""The user's own screen: an X server without a monitor, a window with a shape on it, and carat looking at it."""
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *
from display import *

CALL = "<|tool_call>call:screenshot{}<tool_call|><|tool_response>"


def said(name):
    golden = json.load(open(os.path.join(SOURCE, "tests", "engine", "data", "nano.media.golden.json")))
    return [item for item in golden if item["file"].endswith(name)][0]["text"].removesuffix("<turn|>")


def case_tool():
    """The model asks for a picture of the screen; with a rule it gets one, and says what is on it."""
    with Place() as place:
        display = Display(place, picture(1))
        try:
            model = script(place, CALL, {"text": "Seen.", "expect": "<tool_response|><|image|>"})
            run = place.carat("exec", "-m", model, "--set", "approval.allow=screenshot", "look at the screen")
            check("Seen." in run.stdout, run)
            kept = place.database().execute("select details from messages where details like '%call_id%'").fetchall()
            check(f"a picture of the screen, {WIDTH} x {HEIGHT}" in kept[-1][0] and '"kind":"image"' in kept[-1][0], kept)
            # Without a rule nobody could approve it, so it is not declared, and a call of it is none that is known.
            run = place.carat("exec", "-m", script(place, CALL, "No."), "look at the screen")
            check("there is no tool of that name" in run.stderr, run)
        finally:
            display.close()


def case_exec():
    """exec --shot: the small model says what stands on the screen; a region is chosen with the mouse."""
    with Place() as place:
        display = Display(place, picture(1))
        try:
            run = place.carat("exec", "--shot", "what do you see?")
            check(run.stdout.strip() == said("picture01.png"), run)
            run = place.carat("exec", "--shot=moon", "what do you see?", code=2)
            check("must be one of screen|window|region" in run.stderr, run)
            carat = subprocess.Popen([CARAT, "exec", "--shot=region", "-m", script(place, {"text": "Seen.", "expect": "<|image|>"}),
                                      "what?"], cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            end = time.monotonic() + PATIENCE
            while carat.poll() is None:
                check(time.monotonic() < end, "the region was never taken")
                display.drag(100, 50, 250, 170)
            check(carat.stdout.read().strip() == "Seen." and carat.returncode == 0, carat.returncode)
        finally:
            display.close()
        kept = place.database().execute("select details from messages where details like '%image%'").fetchall()
        check(len(kept) == 2, kept)
        run = place.carat("exec", "--shot", "what do you see?", code=42, env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
        check("--shot: there is no display" in run.stderr, run)


def case_dump():
    """What xwd writes is decoded to the same pixels as the PNG of the same screen."""
    with Place() as place:
        display = Display(place, picture(1))
        try:
            decoded = []
            for words in (["maim", "--hidecursor"], ["xwd", "-root", "-silent"]):
                file = subprocess.run(words, env=dict(os.environ, DISPLAY=display.name), capture_output=True, timeout=PATIENCE).stdout
                decoded.append(subprocess.run([TOOL, "--workspace", place.work, "decode-image"], input=file, capture_output=True,
                                              timeout=PATIENCE).stdout)
            check(decoded[0] == decoded[1] and len(decoded[0]) == 24 + WIDTH * HEIGHT * 3, [len(each) for each in decoded])
        finally:
            display.close()


def case_shot():
    """/shot on the screen: the small model says what stands in the window."""
    with Place() as place:
        display = Display(place, picture(1))
        screen = Screen(place, extra={"DISPLAY": display.name})
        try:
            screen.wait("nano")
            screen.say("/shot moon")
            screen.wait("say screen, window or region")
            screen.say("/shot")
            screen.wait(f"A picture of {WIDTH} x {HEIGHT} goes with your next message")
            screen.say("what do you see?")
            text = screen.wait(said("picture01.png"))
            check(f"(a picture, {WIDTH} x {HEIGHT})" in text and text.count("\u2580") > 100, text)  # drawn in the transcript
        finally:
            screen.close()
            display.close()
        kept = place.database().execute("select details from messages where details like '%image%'").fetchall()
        check(len(kept) == 1, kept)


def case_missing():
    """Without a display, or without a program, it is said what is missing."""
    with Place() as place:
        screen = Screen(place, extra={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
        try:
            screen.wait("nano")
            screen.say("/shot")
            screen.wait("there is no display")
            screen.key("C-v")
            screen.wait("there is no clipboard")
        finally:
            screen.close()


main(globals())
