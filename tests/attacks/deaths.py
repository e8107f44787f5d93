#!/usr/bin/env python3
"""The screen's end in every way, and its terminal afterwards. Run as deaths.py CASE BUILD SOURCE.

CARAT_DEATHS and CARAT_HANGUPS in the environment raise the numbers; the moments follow from a fixed seed.
"""
import random
import re

from terminal import *

DEATHS = int(os.environ.get("CARAT_DEATHS", "32"))
HANGUPS = int(os.environ.get("CARAT_HANGUPS", "20"))
WAYS = ["INT", "TERM", "HUP", "QUIT", "SEGV", "ABRT", "BUS", "exit"]
STANDARD_ON = {25, 7}  # a cursor, and lines that wrap
SLOW = {"text": "one two three four five six seven eight nine ten " * 40 + "<turn|>", "delay_ms": 20}


def modes(output):
    """The private modes that are not as a terminal has them, and whether colours or an attribute are left on."""
    left = {}
    for numbers, letter in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", output):
        for number in map(int, numbers.split(b";")):
            left[number] = letter == b"h"
    odd = {number for number, on in left.items() if on != (number in STANDARD_ON)}
    if output.rfind(b"\x1b[>4;1m") > max(output.rfind(b"\x1b[>4m"), output.rfind(b"\x1b[>4;0m")):
        odd.add("keys")
    return odd


FAULTS = ("SEGV", "ABRT", "BUS")  # of the process that draws; the others come to the one that the shell knows


def drawing(keeper):
    return int(open(f"/proc/{keeper}/task/{keeper}/children").read().split()[0])


def start(place, number):
    terminal = Terminal(place, CARAT, "-m", script(place, call("shell", command="echo started; sleep 20"), SLOW), "--mode", "full",
                        *(("--set=tui.mouse=true",) if number % 2 == 0 else ()))
    before = termios.tcgetattr(terminal.fd)
    terminal.wait(b"script")
    check((b"\x1b[?1000h" in terminal.output) == (number % 2 == 0), "the mouse is asked for in every other run")
    if number % 2:
        time.sleep(0.2)
        terminal.send(b"go\r")
        terminal.wait(b"started")
    return terminal, before


def running(place):
    return [name for name in os.listdir("/proc") if name.isdigit() and knows(name, place.root.encode())]


def knows(pid, root):
    try:
        return root in open(f"/proc/{pid}/environ", "rb").read() and open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def nothing_is_left(place):
    end = time.monotonic() + 10
    while running(place) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(place)


def case_terminal_restored():
    moments, wrong, done = random.Random(21), [], 0
    for number in range(DEATHS):
        way = WAYS[number % len(WAYS)]
        with Place() as place:
            terminal, before = start(place, number // len(WAYS))
            try:
                check(modes(terminal.output), "the screen sets modes, or nothing is shown")
                time.sleep(moments.uniform(0, 0.2))
                if way == "exit":
                    terminal.send(b"\x03\x03\x04\x04")
                    status = terminal.ended(3)
                    if status is None:
                        terminal.send(b"\x04")
                        status = terminal.ended(20)
                else:
                    os.kill(drawing(terminal.pid) if way in FAULTS else terminal.pid, getattr(signal, "SIG" + way))
                    status = terminal.ended(1 if way == "INT" else 20)
                    if status is None:  # the first interrupts the turn
                        for _ in range(3):
                            os.kill(terminal.pid, signal.SIGINT)
                            time.sleep(0.2)
                        status = terminal.ended(20)
                odd = modes(terminal.output)
                if status is None or odd or termios.tcgetattr(terminal.fd) != before or not nothing_is_left(place):
                    wrong.append(f"{way}: status {status}, modes {odd}, termios {termios.tcgetattr(terminal.fd) == before}, left {running(place)}")
                done += 1
            finally:
                terminal.close()
    print(f"{done - len(wrong)} of {done} ends left the terminal as it was", *wrong, sep="\n")
    check(not wrong, wrong)


def case_killed():
    """kill -9 of the keeper, which the terminal's shell knows: the screen is told, what stays is shown, and nothing runs on."""
    with Place() as place:
        terminal, before = start(place, 1)
        try:
            os.kill(terminal.pid, signal.SIGKILL)
            check(terminal.ended(20) == signal.SIGKILL, "killed")
            odd = modes(terminal.output)
            print(f"after kill -9: modes left {sorted(map(str, odd))}, termios as before: {termios.tcgetattr(terminal.fd) == before}")
            check(nothing_is_left(place), f"left: {running(place)}")
        finally:
            terminal.close()


def case_hangups():
    """The terminal goes away: carat ends, and everything with it; how soon is printed (within a second, on a quiet machine)."""
    moments, slowest = random.Random(22), 0
    for number in range(HANGUPS):
        with Place() as place:
            terminal, _ = start(place, number)
            try:
                time.sleep(moments.uniform(0, 0.3))
                pid = terminal.pid
                os.close(terminal.fd)
                terminal.fd = None
                begin = time.monotonic()
                while os.waitpid(pid, os.WNOHANG)[0] == 0:
                    check(time.monotonic() - begin < 10, f"{number}: carat goes on without a terminal")
                    time.sleep(0.005)
                terminal.pid = None
                slowest = max(slowest, time.monotonic() - begin)
                check(nothing_is_left(place), f"left: {running(place)}")
            finally:
                terminal.close()
    print(f"{HANGUPS} hang-ups, the slowest end after {slowest:.3f} s")


main(globals())
