#!/usr/bin/env python3
"""What an answer finds in a picture: drawn, kept in a file, and, on the user's own screen, clicked on after a yes.

A window of xwud ends when it is clicked on, wherever: it records a click by itself.
"""
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *
from display import *

SIDE = 60  # of a window that is clicked on


def box(left, top, width, height, label, across=WIDTH, down=HEIGHT):
    """As the model says it: [top, left, bottom, right], in thousandths of a picture of that size."""
    return {"box_2d": [round(top * 1000 / down), round(left * 1000 / across), round((top + height) * 1000 / down),
                       round((left + width) * 1000 / across)], "label": label}


def button(place, colour):
    path = os.path.join(place.root, colour + ".png")
    subprocess.run(["convert", "-size", f"{SIDE}x{SIDE}", "xc:" + colour, path], check=True, timeout=PATIENCE)
    return path


def ended(window):
    end = time.monotonic() + PATIENCE
    while window.poll() is None:
        check(time.monotonic() < end, "the window was never clicked on")
        time.sleep(0.05)
    return True


def close_to(pointer, x, y):
    check(abs(pointer[0] - x) <= 1 and abs(pointer[1] - y) <= 1, (pointer, x, y))


def case_clicks():
    """A no clicks nothing; a yes clicks once, in the middle of what was found; no mode does without the question."""
    with Place() as place:
        display = Display(place)
        first = display.window(button(place, "red"), "+40+30")
        second = display.window(button(place, "blue"), "+250+200")
        answer = "```json\n" + json.dumps([box(40, 30, SIDE, SIDE, "red one"),
                                           box(250, 200, SIDE, SIDE, "blue \x1b[31mone\u202e")]) + "\n```"
        screen = Screen(place, "-m", script(place, answer, "Nothing."), "--mode", "full", extra={"DISPLAY": display.name}, rows=60)
        try:
            screen.wait("Ask something")
            screen.say("/point")
            screen.wait("No answer here says where something is")
            screen.say("/shot")
            screen.wait("goes with your next message")
            screen.say("where are the buttons?")
            text = screen.wait(f"(found in a picture, {WIDTH} x {HEIGHT})", "1  red one", "2  blue", "/point N clicks there")
            check(text.count("\u2580") > 100, text)
            display.mouse("mousemove", "5", "5")
            screen.say("/point")
            screen.wait("say a number from 1 to 2")
            screen.say("/point 3")
            screen.wait("/point 3: say a number")
            screen.say("/point 2")
            text = screen.wait("click (left button) at", "by xdotool", "y once", "n no", "the picture is")
            check("this session" not in text and "\\x1B[31mone\\u{202E}" in text, text)
            screen.answer("n")
            screen.wait("Nothing was clicked.")
            check(first.poll() is None and second.poll() is None and display.pointer() == (5, 5), "a no clicked")
            screen.say("/point 2")
            screen.wait("y once")
            time.sleep(1)
            screen.key("a")  # no answer to this question
            time.sleep(0.5)
            screen.wait("y once")
            check(display.pointer() == (5, 5), "a session's yes clicked")
            screen.answer("y")
            screen.wait("Clicked at 2")
            check(ended(second) and first.poll() is None, "another window was clicked on")
            close_to(display.pointer(), 250 + SIDE // 2, 200 + SIDE // 2)
            screen.say("/mode read-only")
            screen.wait("Mode: read-only.")
            screen.say("/point 1")
            screen.wait("the mode is read-only")
            check(first.poll() is None, "clicked in the mode read-only")
        finally:
            screen.close()
            display.close()


def case_region():
    """What was found in a region is clicked on where the region lies."""
    with Place() as place:
        display = Display(place)
        first = display.window(button(place, "red"), "+250+200")
        answer = json.dumps(box(50, 50, SIDE, SIDE, "red one", across=150, down=120))
        screen = Screen(place, "-m", script(place, answer), extra={"DISPLAY": display.name}, rows=60)
        try:
            screen.wait("Ask something")
            screen.say("/shot region")
            screen.wait("Choose the region with the mouse")
            end = time.monotonic() + PATIENCE
            while "goes with your next message" not in screen.text():
                check(time.monotonic() < end, screen.text())
                display.drag(200, 150, 350, 270)
            screen.wait("A picture of 15", "x 12")
            check(first.poll() is None, "choosing the region clicked")
            screen.say("where is it?")
            screen.wait("1  red one", "/point N")
            screen.say("/point")
            screen.wait("y once")
            screen.answer("y")
            screen.wait("Clicked at 2")
            check(ended(first), first)
            close_to(display.pointer(), 280, 230)
        finally:
            screen.close()
            display.close()


def case_other_pictures():
    """Boxes of any picture are drawn and kept in a file; only the user's own screen can be clicked on."""
    with Place() as place:
        display = Display(place)
        try:
            answers = [json.dumps([box(100, 50, 120, 90, "circle")]), json.dumps([{"point": [500, 1001], "label": "far"}])]
            screen = Screen(place, "-m", script(place, *answers), "-i", picture(1), extra={"DISPLAY": display.name}, rows=60)
            try:
                screen.wait("goes with your next message")
                screen.say("/boxes")
                screen.wait("No answer here has boxes")
                screen.say("where is the circle?")
                text = screen.wait("(found in a picture, 377 x 343)", "1  circle")
                check("/point N" not in text, text)
                screen.say("/point 1")
                screen.wait("not about a picture of the screen")
                screen.say("/boxes found.jpg")
                screen.wait("ends in .png")
                screen.say("/boxes found.png")
                screen.wait("Written to found.png")
                pixels = []
                for path in (picture(1), os.path.join(place.work, "found.png")):
                    with open(path, "rb") as file:
                        pixels.append(subprocess.run([TOOL, "--workspace", place.work, "decode-image"], stdin=file,
                                                     capture_output=True, timeout=PATIENCE).stdout[24:])
                check(len(pixels[0]) == len(pixels[1]) == 377 * 343 * 3, [len(each) for each in pixels])
                changed = [at // 3 for at in range(0, len(pixels[0]), 3) if pixels[0][at:at + 3] != pixels[1][at:at + 3]]
                rows, columns = [at // 377 for at in changed], [at % 377 for at in changed]
                check(49 <= min(rows) <= 51 and 139 <= max(rows) <= 141, (min(rows), max(rows)))
                check(99 <= min(columns) <= 101 and 219 <= max(columns) <= 221, (min(columns), max(columns)))
                screen.say("and farther?")
                screen.wait("The boxes of this answer are not drawn: number 1 lies outside 0 to 1000")
                screen.say("/point 1")
                screen.wait("cannot be used")
                screen.key("C-d")
                screen.wait("[exit 0]")
            finally:
                screen.close()
            # What comes back from the store is drawn again, and can be kept again, but the screen is not what it was.
            place.carat("exec", "-m", script(place, json.dumps({"point": [500, 500], "label": "the middle"})), "--shot", "--continue",
                        "where is the middle?")
            screen = Screen(place, "resume", "last", "-m", script(place), extra={"DISPLAY": display.name}, columns=100, rows=110)
            try:
                text = screen.wait("1  the middle", "(a picture, 377 x 343)", "(found in a picture, 377 x 343)", "lies outside 0 to 1000",
                                   gone=("(a picture)", "(found in a picture)"))
                check(text.count("(found in a picture, 377 x 343)") == 2 and text.count("(a picture, 377 x 343)") == 2, text)
                check(text.count("\u2580") > 4 * 100, text)
                check(text.index("1  circle") < text.index("where is the middle?") < text.index("1  the middle"), text)
                screen.say("/point 1")
                screen.wait("that was taken in this run")
                screen.say("/boxes again.png")
                screen.wait("Written to again.png")
            finally:
                screen.close()
        finally:
            display.close()


main(globals())
