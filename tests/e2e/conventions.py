"""What fingers and scripts expect (docs/conventions.md), row by row where no other test shows it: the commands of a slash, keys
that stand for one, and what goes to terminals of several kinds, as bytes."""
import base64
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from place import *

ANSWER = "# Heading\n\nSome **bold** words and `code`.\n\n```c\nint main(void) { return 0; }\n```\n\nthe last line<turn|>"
COLOURS = re.compile(rb"\x1b\[[0-9;]*?(?<![0-9])(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
KNOWN = """help clear new resume compact model permissions memory init diff review status copy export mcp agents skills tools theme config
    cost usage stats context plan rewind undo restore fork branch rename add-dir editor vim voice btw hooks doctor feedback quit exit think
    system set show load save list switch bye shot listen say kv raw policy search bench jobs""".split()


class Bytes:
    """carat on a pseudo terminal of its own; all that it writes is kept."""

    def __init__(self, place, *words, term="xterm-256color", **extra):
        self.written = bytearray()
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            os.execve(CARAT, [CARAT, *words], dict(place.env, TERM=term, **extra))
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def wait(self, text, since=0):
        end = time.monotonic() + PATIENCE
        while self.written.find(text, since) < 0:
            check(time.monotonic() < end, f"{text!r} did not come: {bytes(self.written[-3000:])!r}")
            if select.select([self.tty], [], [], 0.2)[0]:
                self.written += os.read(self.tty, 1 << 16)

    def settle(self):
        """Until nothing comes for half a second: while a turn runs, something turns."""
        while select.select([self.tty], [], [], 0.5)[0]:
            self.written += os.read(self.tty, 1 << 16)

    def send(self, keys):
        os.write(self.tty, keys)

    def end(self, code=0):
        """Reads until it is gone."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                ready = select.select([self.tty], [], [], 0.2)[0]
                check(time.monotonic() < end, f"no end: {bytes(self.written[-3000:])!r}")
                if ready and not (more := os.read(self.tty, 1 << 16)):
                    break
                self.written += more if ready else b""
            except OSError:
                break
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        check(status == code, f"exit {status}")
        return bytes(self.written)


def session(place, *words, **extra):
    """A question, its answer, an end: the bytes up to there, and those of the end."""
    shutil.rmtree(os.path.join(place.home, "data"), ignore_errors=True)
    carat = Bytes(place, *words, "-m", script(place, {"text": ANSWER, "delay_ms": 5}), **extra)
    carat.wait(b"script" if "--plain" not in words and extra.get("term") not in ("dumb", "") else b">")
    carat.send(b"hello\r")
    place.wait_for_stored("the last line")
    carat.settle()
    at = len(carat.written)
    carat.send(b"\x04")
    written = carat.end()
    return written[:at], written[at:]


def case_commands():
    """Every name that people know is answered: by a command, or by a sentence that says where the thing is."""
    with Place() as place:
        screen = Screen(place, "-m", script(place), columns=120, rows=100)
        try:
            screen.wait("script")
            screen.say("/help")
            text = screen.wait("Names from elsewhere")
            offered = set(re.findall(r"/([a-z-]+)", text))
            for name in KNOWN:
                if name in offered:
                    continue
                screen.say("/clear")
                screen.wait("A new conversation")
                screen.say("/" + name)
                end = time.monotonic() + PATIENCE
                while "A new conversation" in screen.text().strip().split("\n─")[0].rstrip().split("\n")[-1]:
                    check(time.monotonic() < end, f"/{name} was not answered")
                    time.sleep(0.02)
                check("is no command" not in screen.text(), f"/{name} is not known")
            screen.say("/frobnicate")
            screen.wait("/frobnicate is no command; /help lists them")
            screen.say("/theme pink")
            screen.wait("There is no theme pink: /theme takes colour|light")
            screen.say("/plan")
            screen.wait("Mode: read-only.")
            screen.say("/permissions")
            screen.wait("mode     read-only")
            screen.say("/config")
            screen.wait("config.toml, then", "model.path = script:", "(-m)")
            screen.say("/tools")
            screen.wait("read_file      Read a text file")
            screen.say("/memory")
            screen.wait("No AGENTS.md, CLAUDE.md or GEMINI.md was read")
            screen.say("/vim")
            screen.wait("vi's keys are on")
        finally:
            screen.close()


def case_first_words():
    """What other programs have as commands of the shell is not sent to the model as a message."""
    with Place() as place:
        place.carat("exec", "-m", script(place, "the grey one<turn|>"), "which heron")
        check(place.carat("help").stdout == place.carat("--help").stdout != "", "help")
        check(place.carat("version").stdout == place.carat("--version").stdout != "", "version")
        rows = [json.loads(line) for line in place.carat(
            "sql", "select ordinal, text, text, null as none, x'00' as raw from messages order by 1").stdout.splitlines()]
        check(rows[1] == {"ordinal": 1, "text": "the grey one", "text:2": "the grey one", "none": None, "raw": {"bytes": 1}}, rows)
        check("grey" in place.carat("sql", "select text from search where search match 'grey'").stdout, "the index")
        before = place.carat("export", "last").stdout
        for words, said in (("delete from messages", "only read"), ("select 1; select 2", "one statement"), (" ", "no statement"),
                            ("nonsense", "syntax error"), ("insert into search (search) values ('rebuild')", "only read")):
            check(said in place.carat("sql", words, code=42).stderr, words)
        check("\\u009b" in place.carat("sql", "select char(0x9b) as x").stdout.lower(), "what controls a terminal is spelled out")
        check("attached" in place.carat("sql", "attach 'x.db' as x", code=1).stderr, "no other file")
        check(not os.path.exists(os.path.join(place.work, "x.db")) and place.carat("export", "last").stdout == before, "nothing changed")
        check("carat sql" in place.carat("sql", code=2).stderr and "carat-engine" in place.carat("bench", "fast", code=2).stderr, "usage")
        check("tokens/s" in place.carat("bench", "-m", NANO).stdout, "the engine's own numbers")
        check("elsewhere" in place.carat("bench", "-m", script(place), code=2).stderr, "a script has no speed")
        screen = Screen(place, "chat", "-m", script(place, "It is.<turn|>"), "is it raining")
        try:
            screen.wait("> is it raining", "It is.")
        finally:
            screen.close()


def case_unknown_terminal():
    """A terminal of which nothing is known here gets lines, and is told so; what follows stands in a line of its own."""
    with Place() as place:
        screen = Screen(place, "-m", script(place, "It is.<turn|>"), term="xterm-never-heard-of", columns=100)
        try:
            screen.wait("TERM=xterm-never-heard-of is not known here", "line by line", "\n>")
            screen.say("is it raining")
            screen.wait("carat: It is.")
            screen.key("C-d")
            check("> carat resume" not in screen.wait("\ncarat resume ", "[exit 0]"), "a line of its own")
        finally:
            screen.close()


def case_requests():
    """/init and /review are messages that carat writes for one."""
    with Place() as place:
        model = script(place, {"expect": "write AGENTS.md", "text": "written<turn|>"},
                       {"expect": "Above all: the parser", "text": "looked at<turn|>"})
        screen = Screen(place, "-m", model, columns=100, rows=40)
        try:
            screen.wait("script")
            screen.say("/init")
            screen.wait("written")
            screen.say("/review the parser")
            screen.wait("looked at")
        finally:
            screen.close()


def case_keys():
    """Keys that stand for a command, and Esc Esc on an empty input, which is the way back."""
    with Place() as place:
        screen = Screen(place, "-m", script(place, ANSWER, "the second<turn|>", "the third<turn|>"), columns=100, rows=40)
        try:
            screen.wait("script")
            screen.key("C-t")
            screen.wait("There are no jobs")
            screen.key("M-p")
            screen.wait("Go on with the model", "* script:")
            screen.key("Escape")
            screen.wait("Ask something", gone=("Go on with the model",))
            screen.say("first thing")
            screen.wait("the last line")
            check("**bold**" not in screen.text(), "laid out")
            screen.key("M-m")
            screen.wait("Some **bold** words", "```c")
            screen.key("M-m")
            screen.wait("the last line", gone=("**bold**",))
            screen.say("second thing")
            screen.wait("the second")
            screen.settle()
            screen.key("Escape")
            time.sleep(0.2)
            screen.key("Escape")
            screen.wait("Back to before which message", ">   1  second thing", "    2  first thing")
            screen.key("Escape")
            screen.wait("second thing", gone=("Back to before",))
            screen.key("?")
            screen.wait("raw_markdown", "Ctrl+T")
        finally:
            screen.close()


def case_copy():
    """The answer's own Markdown, without the rows that the screen made of it."""
    with Place() as place:
        for term, asked in (("xterm-256color", True), ("linux", False)):
            carat = Bytes(place, "-m", script(place, ANSWER), term=term)
            carat.wait(b"script")
            carat.send(b"/copy\r")
            carat.wait(b"no answer to copy")
            carat.send(b"hello\r")
            place.wait_for_stored("the last line")
            carat.settle()
            carat.send(b"/copy\r")
            carat.wait(b"copied.md")
            carat.send(b"\x04")
            copies = re.findall(rb"\x1b\]52;c;([^\a]*)\a", carat.end())
            text = ANSWER.removesuffix("<turn|>")
            check([base64.b64decode(copy).decode() for copy in copies] == ([text] if asked else []), copies)
            with open(os.path.join(place.home, "state", "copied.md")) as file:
                check(file.read() == text, "the file")


def case_colours():
    """Colours are the terminal's own sixteen, and none with NO_COLOR; nothing at all is sent to a printer."""
    with Place() as place:
        for screen in ("full", "inline"):
            written = session(place, "--screen", screen)[0]
            check(COLOURS.search(written), "the control: there are colours")
            check(b"38;5" not in written and b"38;2" not in written, "more than the terminal's own")
            check(COLOURS.search(session(place, "--screen", screen, CLICOLOR="0", CLICOLOR_FORCE="1")[0]), "they are insisted upon")
            for words, extra in (((), {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}), ((), {"CLICOLOR": "0"}), (("--theme", "mono"), {})):
                written = session(place, "--screen", screen, *words, **extra)[0]
                check(not COLOURS.search(written), COLOURS.search(written))
                check(re.search(rb"\x1b\[(0;)?1m", written), "styles say what colours would")
        for term, words in (("dumb", ()), ("xterm-256color", ("--plain",)), ("", ())):
            check(b"\x1b" not in b"".join(session(place, *words, term=term)), term)


def case_modes():
    """What is switched on is switched off; frames are wrapped; nothing is cleared while an answer streams, nothing asked."""
    on, off = b"\x1b[?2026h", b"\x1b[?2026l"
    with Place() as place:
        for screen in ("full", "inline"):
            written, end = session(place, "--screen", screen)
            check(written.count(b"\x1b[>4;1m") == end.count(b"\x1b[>4m") == 1, "keys told apart")
            check(written.count(b"\x1b[?2004h") == end.count(b"\x1b[?2004l") == 1, "pastes in brackets")
            check(written.count(on) == written.count(off) > 3, "frames")
            streamed = written[written.find(b"hello"):]
            check(not re.search(rb"\x1b\[[23]J|\x1bc", streamed), "cleared")
            check(not re.search(rb"\x1b\[[0-9;?>]*[cn]|\x1bP\+q|\x1b\[\?u|\x1b\]1[01];\?", written + end), "asked")
        check(b">4;1m" not in session(place, term="linux")[0], "a console that does not know it")


def case_shift_enter():
    """A new line, in both ways that terminals tell of it, and with a backslash; Ctrl+J always works."""
    for keys in (b"\x1b[27;2;13~", b"\x1b[13;2u", b"\n", b"\x1b\r", b"\\\r"):
        with Place() as place:
            carat = Bytes(place, "-m", script(place, {"expect": "one\ntwo", "text": "both lines<turn|>"}))
            carat.wait(b"script")
            carat.send(b"one" + keys + b"two\r")
            carat.wait(b"both lines")
            carat.settle()
            carat.send(b"\x04")
            carat.end()


main(globals())
