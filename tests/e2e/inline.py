"""The screen that leaves what was said to the terminal's own scrollback, in tmux; and the keeper, who puts a terminal back."""
import os
import random
import re
import signal
import subprocess
import time

from place import *

ROWS = 90
LONG = {"text": "\n\n".join(f"row {number:03d} of it" for number in range(1, ROWS + 1)) + "<turn|>"}


def rows_of(screen):
    return re.findall(r"row (\d{3}) of it", screen.tmux("capture-pane", "-p", "-S", "-"))


def check_rows(screen):
    found, wanted = rows_of(screen), [f"{number:03d}" for number in range(1, ROWS + 1)]
    check(found == wanted, f"rows {found}\n" + screen.tmux("capture-pane", "-p", "-S", "-"))


def wait_for_rows(screen):
    """Until nothing changes any more and each row is there: the last of many sizes may be drawn late."""
    end, before = time.monotonic() + PATIENCE, None
    while time.monotonic() < end:
        now = screen.tmux("capture-pane", "-p", "-S", "-")
        if now == before and rows_of(screen) == [f"{number:03d}" for number in range(1, ROWS + 1)]:
            return
        before = now
        time.sleep(1)
    check_rows(screen)


def inline(place, *words, term="tmux-256color", columns=80, rows=24):
    return Screen(place, "--screen", "inline", *words, term=term, columns=columns, rows=rows)


def case_scrollback():
    """Each row of an answer is there once, in order, after sixty window sizes; the shell's own lines stay above it."""
    for term, columns, rows in (("tmux-256color", 80, 24), ("xterm-256color", 120, 40), ("screen", 60, 12), ("linux", 80, 24)):
        with Place() as place:
            screen = inline(place, "-m", script(place, LONG, {"text": "the end of it<turn|>"}), term=term, columns=columns, rows=rows)
            try:
                screen.wait("Ask something", "context 0 of")
                screen.say("count")
                screen.wait(f"row {ROWS:03d} of it", "Ask something")
                check_rows(screen)
                chance = random.Random(rows)
                for i in range(60):  # tmux says a fourth of a second later what it has done: few of them are drawn
                    screen.tmux("resize-window", "-x", str(chance.randrange(columns * 5 // 8, columns + 1)), "-y", str(rows - i % 5))
                    time.sleep(0.7 if i == 30 else chance.random() / 10)
                screen.tmux("resize-window", "-x", str(columns), "-y", str(rows))
                wait_for_rows(screen)
                screen.say("and?")
                screen.wait("the end of it", "Ask something")
                check_rows(screen)
                text = screen.tmux("capture-pane", "-p", "-S", "-")
                check(text.count("> count") == 1 and text.count("> and?") == 1, text)
                screen.key("C-d")
                text = screen.wait("[exit 0]", gone=("Ask something", "sandbox"))
                check_rows(screen)
            finally:
                screen.close()


def case_tools():
    """Questions, live output, lists and help leave nothing behind."""
    call = '<|tool_call>call:shell{command:<|"|>echo made<|"|>}<tool_call|><|tool_response>'
    with Place() as place:
        screen = inline(place, "-m", script(place, call, "it is made<turn|>"))
        try:
            screen.wait("Ask something", "context 0 of")
            screen.type("/th")
            screen.wait("/think")
            screen.key("C-u")
            screen.wait(gone=("/think",))
            screen.say("make it")
            screen.wait("y once")
            screen.answer("y")
            screen.wait("it is made", "Ask something")
            text = screen.tmux("capture-pane", "-p", "-S", "-")
            check(text.count("echo made") == 1 and "y once" not in text and "/think" not in text, text)
        finally:
            screen.close()


def modes(screen):
    tty = screen.tmux("display-message", "-p", "#{pane_tty}").strip()
    stty = subprocess.run(["stty", "-a", "-F", tty], capture_output=True, text=True, check=True).stdout
    flags = screen.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{keypad_flag} #{mouse_any_flag} #{bracket_paste_flag}")
    return stty.split(";", 3)[3], flags


def case_killed():
    """After any death of the screen the terminal is as it was, and the exit says how it died."""
    for words in ((), ("--screen", "inline")):
        for number, code in ((signal.SIGKILL, 137), (signal.SIGSEGV, 139), (signal.SIGABRT, 134), (signal.SIGTERM, 143)):
            with Place() as place:
                screen = Screen(place, *words, "-m", script(place, LONG))
                try:
                    screen.wait("Ask something", "context 0 of")
                    during = modes(screen)
                    screen.type("half a thought")
                    screen.wait("half a thought")
                    os.kill(screen.pid(), number)
                    screen.wait(f"[exit {code}]")
                    after = modes(screen)
                    check("-icanon" in during[0] and " icanon" in after[0] and " echo " in after[0], (during, after))
                    check(after[1].split()[:2] == ["0", "1"], after)
                finally:
                    screen.close()


main(globals())
