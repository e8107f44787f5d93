"""Random keys, pastes, bytes and window sizes into the real screen: it lives until it is told to end, and ends then.

CARAT_KEYS_SECONDS: how long each case goes on (8); CARAT_KEYS_SEED: which keys (the case's own). What was typed last is printed
when something is wrong.
"""
import fcntl
import os
import pty
import random
import select
import signal
import struct
import termios
import time

from place import *

KEYS = [b"\r", b"\t", b"\n", b"\x1b", b"\x1b\x1b", b"\x7f", b"?", b"y", b"n", b"a", b"p", b"1", b"2"]
KEYS += [bytes([code]) for code in range(1, 32) if code not in (3, 4, 26, 28)]  # not interrupt, end, suspend and quit
KEYS += [b"\x1b" + letter for letter in (b"b", b"d", b"f", b"m", b"p", b"r", b"t", b"y")]
KEYS += [b"\x1b[" + code for code in (b"A", b"B", b"C", b"D", b"H", b"F", b"Z", b"I", b"O", b"3~", b"5~", b"6~", b"1;5H", b"1;5F",
                                      b"<0;10;5M", b"<0;10;5m", b"<64;10;5M", b"<65;3;3M")]
WORDS = ["list the files", "what is 17 * 23", "replace one with two in a.txt", "你好 👩‍👩‍👧", "é́́", "@a", "!ls", "!yes | head -c 100000",
         "/help", "/context", "/status", "/new", "/resume", "/rewind", "/undo", "/undo diff", "/search one", "/open 1", "/jobs", "/compact",
         "/expand", "/model", "/think on", "/theme", "/vim", "/raw", "/mcp", "/skills", "/permissions", "/tools", "/config", "/fork",
         "/title a b", "/tag x", "/mode full", "/mode ask", "/boxes", "/point 1", "/init", "/background", "/btw hi", "x" * 300, "a\\"]
SIZES = [(24, 80), (1, 1), (2, 5), (3, 40), (5, 20), (50, 200), (10, 33), (0, 0)]


class Terminal:
    """carat on a pseudo-terminal, whose output is read and thrown away but for its end."""

    def __init__(self, place, *words):
        self.seen = b""
        self.ended = False
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            os.execve(CARAT, [CARAT, *words], dict(place.env, TERM="xterm-256color", VISUAL="true"))
        self.resize(24, 80)

    def resize(self, rows, columns):
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        end = time.monotonic() + seconds
        while not self.ended and select.select([self.descriptor], [], [], max(0, end - time.monotonic()))[0]:
            try:
                got = os.read(self.descriptor, 65536)
            except OSError:
                got = b""
            self.ended = got == b""
            self.seen = (self.seen + got)[-2000:]
            if time.monotonic() > end:
                return

    def write(self, data):
        try:
            os.write(self.descriptor, data)
        except OSError:
            self.ended = True

    def end(self):
        """By SIGTERM; the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                return os.waitstatus_to_exitcode(status)
            self.read(0.1)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return "still there"


def random_input(chance):
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(KEYS)
    if kind < 0.75:
        return chance.choice(WORDS).encode() + (b"\r" if chance.random() < 0.8 else b"")
    if kind < 0.83:
        pasted = bytes(chance.choice(b"ab\n\r\t\x1b\x00\xff\xc3\xa4 ") for _ in range(chance.choice((3, 50, 5000))))
        return b"\x1b[200~" + pasted + b"\x1b[201~"
    if kind < 0.9:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(1, 12))).translate(None, b"\x03\x04\x1a\x1c")
    return chance.choice(SIZES)


def press(seed, *words):
    chance = random.Random(int(os.environ.get("CARAT_KEYS_SEED", seed)))
    with Place() as place:
        place.write("a.txt", "one\ntwo\nthree\n")
        terminal = Terminal(place, *words)
        typed = []
        terminal.read(2)
        end = time.monotonic() + float(os.environ.get("CARAT_KEYS_SECONDS", "8"))
        while time.monotonic() < end and not terminal.ended:
            data = random_input(chance)
            typed.append(data)
            if isinstance(data, tuple):
                terminal.resize(*data)
            else:
                terminal.write(data)
            terminal.read(chance.choice((0, 0.01, 0.05, 0.2)))
        lived = not terminal.ended
        status = terminal.end() if lived else os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
        check(lived and status == 143, f"{len(typed)} inputs, the last {typed[-30:]}; ended by itself: {not lived}, status {status}; "
              f"its last words: {terminal.seen}")
        print(len(typed), "inputs")


def case_full():
    press(1, "--set", "tui.mouse=true", "--mode", "full")


def case_inline():
    press(2, "--screen", "inline", "--set", "tui.mouse=true")


def case_plain():
    press(3, "--plain")


main(globals())
