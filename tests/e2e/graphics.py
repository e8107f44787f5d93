#!/usr/bin/env python3
"""Pictures as graphics, on a pseudo terminal whose bytes are all read: which kind of them an environment gets without one
question, in both kinds of screen; and in tmux, where they are cells unless the user says otherwise."""
import fcntl
import pty
import re
import select
import shutil
import signal
import struct
import sys
import termios

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

PICTURE = os.path.join(SOURCE, "tests", "engine", "vision", "data", "picture01.png")
QUESTIONS = re.compile(rb"\x1b\[[0-9;?>]*[cnt]|\x1b\[[0-9;?]*\$p|\x1b\[\?u|\x1bP[+$]q|\x1b\](?:4|1[0-9]);[^\x07\x1b]*\?")
KITTY = re.compile(rb"\x1b_Ga=T,U=1,q=2,f=24,i=(\d+),p=1,s=\d+,v=\d+,c=(\d+),r=(\d+),m=[01];[A-Za-z0-9+/=]+\x1b\\")
SIXEL = re.compile(rb"\x1bP0;1q\"1;1;\d+;\d+[0-9;#!$?-~-]+\x1b\\")
PLACEHOLDER, BLOCK = "\U0010eeee".encode(), "\u2580".encode()


class Line:
    """carat at a pseudo terminal of 100 columns and 40 rows, whose cells are 10 x 20 pixels."""

    def __init__(self, place, *words, cell=(10, 20), **env):
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            time.sleep(0.05)  # until the size is set
            keep = {name: place.env[name] for name in ("CARAT_HOME", "HOME", "LANG", "LC_ALL", "PATH") if name in place.env}
            os.execve(CARAT, [CARAT, *words], {**keep, "TERM": "xterm-256color", **env})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 100 * cell[0], 40 * cell[1]))

    def take(self):
        if select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.output += os.read(self.fd, 65536)
            except OSError:
                pass

    def wait(self, *wanted, since=0):
        end = time.monotonic() + PATIENCE
        while not all(word in self.output[since:] for word in wanted):
            self.take()
            check(time.monotonic() < end, f"waited for {wanted}: {self.output[-1500:]!r}")

    def send(self, text):
        os.write(self.fd, text)

    def end(self):
        """Leaves by keys; what was written."""
        self.send(b"\x03\x03\x03")
        end = time.monotonic() + PATIENCE
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            self.take()
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError("it does not end")
        self.take()
        os.close(self.fd)
        return self.output


def shown(place, *words, **env):
    """All that a terminal is sent when a picture is looked at, another key pressed, and left."""
    line = Line(place, "-i", PICTURE, *words, **env)
    line.wait(b"nano")
    line.send(b"what do you see?\r")
    line.wait(b"(a picture, ")
    line.wait(b"\x1b[?2026l", since=line.output.index(b"(a picture, "))
    return line.end()


def kind(output):
    """Of graphics, by what was sent; and that nothing was asked."""
    check(not QUESTIONS.search(output.replace(b"\x1b[22;0;0t", b"").replace(b"\x1b[23;0;0t", b"")), QUESTIONS.findall(output))
    kinds = [name for name, there in (("kitty", KITTY.search(output)), ("sixel", SIXEL.search(output)), ("cells", BLOCK in output)) if there]
    return kinds[0] if len(kinds) == 1 else kinds


def case_chosen():
    """By the environment, and by the user's word over it."""
    table = [
        ("kitty", {"TERM": "xterm-kitty"}), ("kitty", {"KITTY_WINDOW_ID": "1"}), ("kitty", {"TERM_PROGRAM": "ghostty"}),
        ("sixel", {"TERM_PROGRAM": "WezTerm"}), ("sixel", {"TERM_PROGRAM": "iTerm.app"}),
        ("cells", {"TERM_PROGRAM": "WezTerm", "cell": (0, 0)}), ("cells", {}), ("cells", {"KITTY_WINDOW_ID": "1", "XTERM_VERSION": "XTerm(390)"}),
        ("cells", {"KITTY_WINDOW_ID": "1", "TMUX": "/tmp/x,1,0", "TERM": "tmux-256color"}), ([], {"TERM": "xterm-kitty", "NO_COLOR": "1"}),
        ("kitty", {"set": "kitty"}), ("sixel", {"set": "sixel", "cell": (0, 0)}), ("cells", {"TERM": "xterm-kitty", "set": "cells"}),
    ]
    for wanted, env in table:
        with Place() as place:
            words = ("--set", "tui.pictures=" + env.pop("set")) if "set" in env else ()
            if shutil.which("infocmp") and subprocess.run(["infocmp", env.get("TERM", "xterm")], capture_output=True).returncode != 0:
                env["KITTY_WINDOW_ID"], env["TERM"] = "1", "xterm-256color"  # a machine that does not know kitty's own
            found = kind(shown(place, *words, **env))
            check(found == wanted, (wanted, found, env))


def case_kitty():
    """Sent once, in both kinds of screen; a full one has the terminal drop it at the end."""
    for words in ((), ("--screen", "inline")):
        with Place() as place:
            output = shown(place, *words, "--set", "tui.pictures=kitty")
            name, columns, rows = (int(number) for number in KITTY.search(output).groups())
            check(len(KITTY.findall(output)) == 1 and columns <= 64 and rows <= 16, KITTY.findall(output))
            check(output.count(PLACEHOLDER) >= columns * rows, output.count(PLACEHOLDER))
            check(b"38;5;%dm" % (name & 0xFF) in output, "the colour that names it")
            check((b"a=d,d=I,q=2,i=%d\x1b" % name in output) == (words == ()), output[-300:])


def case_sixel():
    """A row of cells at a time; typing sends none of them again."""
    for words in ((), ("--screen", "inline")):
        with Place() as place:
            line = Line(place, "-i", PICTURE, *words, "--set", "tui.pictures=sixel")
            line.wait(b"nano")
            line.send(b"what do you see?\r")
            line.wait(b"(a picture, ", b"tokens/s")  # said at once behind the answer, whose words come in frames of their own
            strips = SIXEL.findall(line.output)
            check(8 <= len(strips) <= 64 and sum(map(len, strips)) < 600_000, [len(strip) for strip in strips])
            begin = len(line.output)
            line.send(b"word by word")
            line.wait(b"w", since=begin)
            output = line.end()
            check(not SIXEL.search(output[begin:]), output[begin:])


def case_tmux():
    """Cells in tmux; kitty's placeholders where the user says that the terminal around it knows them."""
    with Place() as place:
        for words, wanted in (((), "\u2580"), (("--set", "tui.pictures=kitty"), "\U0010eeee")):
            screen = Screen(place, "-i", PICTURE, *words, columns=100, rows=40, extra={"TMUX": "/tmp/elsewhere,1,0", "KITTY_WINDOW_ID": "1"})
            try:
                screen.wait("nano")
                screen.say("what do you see?")
                text = screen.wait("(a picture, ", wanted)
                check(text.count(wanted) > 100, text)
                screen.tmux("resize-window", "-x", "60", "-y", "30")
                screen.wait("(a picture, ", wanted, "I see")
                screen.settle()
                screen.say("/new")
                screen.wait("A new conversation", gone=[wanted])
            finally:
                screen.close()


main(globals())
