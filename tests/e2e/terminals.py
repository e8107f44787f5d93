"""The screen on terminals of several kinds and sizes, and what only a real terminal shows: the outside editor, a command of
one's own, a draft after a crash, keys of one's own."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from place import *

ANSWER = {"text": "# Heading\n\nSome **bold** words, `code` and 漢字 👍.\n\n```c\nint main(void) { return 0; } /* end */\n```\n\n"
                  "| a | b |\n|---|---|\n| 1 | 2 |\n\nthe last line<turn|>"}


def tour(term, columns, rows):
    """The same keys everywhere: a message, its answer, a list of commands, a window that changes, an end."""
    with Place() as place:
        screen = Screen(place, "-m", script(place, ANSWER), columns=columns, rows=rows, term=term)
        try:
            screen.wait("Ask something", "context 0 of")
            screen.type("hello wrold")
            screen.wait("hello wrold")
            screen.key("M-b", "M-d")
            screen.say("world")
            screen.wait("the last line")
            screen.type("/th")
            screen.wait("/think")
            screen.key("C-u")
            screen.wait(gone=("/think",))
            screen.tmux("resize-window", "-x", str(columns - 9), "-y", str(rows - 3))
            screen.wait("the last line")
            for i in range(50):  # a storm of them
                screen.tmux("resize-window", "-x", str(columns - i % 7), "-y", str(rows - i % 3))
            screen.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            text = screen.wait("the last line", "Ask something", "sandbox")
            check("\x1b" not in text and "[?" not in text, text)
            screen.key("C-d")
            screen.wait("[exit 0]")
        finally:
            screen.close()


def case_kinds():
    for term in ("xterm-256color", "screen", "tmux", "linux"):
        tour(term, 80, 24)


def case_sizes():
    for columns, rows in ((46, 14), (132, 40), (200, 60)):
        tour("xterm-256color", columns, rows)


def case_plain():
    """Line by line, on a terminal that only prints, and when asked for: no escape sequence at all."""
    for term, words in (("dumb", ()), ("xterm-256color", ("--plain",))):
        with Place() as place:
            place.write("notes.txt", "a line\n")
            slow = {"text": "one two three four five six seven eight nine ten<turn|>", "delay_ms": 200}
            call = '<|tool_call>call:shell{command:<|"|>touch made<|"|>}<tool_call|><|tool_response>'
            screen = Screen(place, *words, "-m", script(place, ANSWER, call, "it is made<turn|>", slow), term=term)
            try:
                screen.wait(">")
                screen.say("hello")
                screen.wait("carat: # Heading", "the last line\n")
                screen.say("!cat notes.txt")
                screen.wait("tool: ! cat notes.txt", "result: a line")
                screen.say("make it")
                screen.wait("question: shell", "$ touch made")
                screen.say("maybe")
                screen.wait("say y, a, p, or n")
                screen.say("p")
                screen.wait("write this rule to your configuration?")
                screen.say("no")
                screen.wait("no rule was written")
                screen.say("y")
                screen.wait("carat: it is made")
                check(os.path.exists(os.path.join(place.work, "made")), "made")
                screen.say("count")
                time.sleep(0.7)
                screen.key("C-c")
                screen.wait("topped by the user")
                screen.key("C-d")
                screen.wait("[exit 0]")
            finally:
                screen.close()


def case_own_command():
    """!command runs in the sandbox, is shown, and is context of the next message."""
    with Place() as place:
        place.write("notes.txt", "a line\n")
        model = script(place, {"expect": "$ cat notes.txt\na line", "text": "I saw it<turn|>"})
        screen = Screen(place, "-m", model)
        try:
            screen.wait("script")
            screen.say("!cat notes.txt")
            screen.wait("! cat notes.txt", "a line", gone=("Esc interrupts",))
            screen.say("what did I see?")
            screen.wait("I saw it")
            screen.settle()
            screen.say("!echo begun; sleep 100")
            screen.wait("begun\n", "Esc interrupts")
            screen.key("Escape")
            screen.wait("(exit 143)", "(stopped: cancelled)", gone=("Esc interrupts",))
            screen.say("!seq 400; exit 7")  # said in the line that stays in view, not behind the fold
            screen.wait("! seq 400; exit 7 (exit 7)")
            screen.say("!touch /usr/outside; echo $?")
            screen.wait("Read-only file system")
        finally:
            screen.close()


def case_outside_editor():
    with Place() as place:
        tool = os.path.join(place.root, "editor.sh")
        with open(tool, "w") as file:
            file.write('#!/bin/sh\nstat -c %a "$1" > "$HOME/mode"\ncp "$1" "$HOME/was"\nprintf "first\\nsecond\\n" > "$1"\n')
        os.chmod(tool, 0o755)
        screen = Screen(place, "-m", script(place, {"expect": "first\nsecond", "text": "read<turn|>"}), extra={"EDITOR": tool})
        try:
            screen.wait("script")
            screen.type("a draft")
            screen.wait("a draft")
            screen.key("C-x", "C-e")
            screen.wait("> first", "second")
            screen.key("Enter")
            screen.wait("read")
            check(open(os.path.join(place.home, "mode")).read() == "600\n", "the file's mode")
            check(open(os.path.join(place.home, "was")).read() == "a draft", "the draft in the editor")
        finally:
            screen.close()
        screen = Screen(place, "-m", script(place, ANSWER), extra={"EDITOR": "false"})
        try:
            screen.wait("script")
            screen.type("kept")
            screen.key("C-g")
            screen.wait("false ended with status 1", "> kept")
        finally:
            screen.close()


def case_draft_after_a_crash():
    with Place() as place:
        screen = Screen(place, "-m", script(place, ANSWER))
        try:
            screen.wait("script")
            screen.type("half a thought")
            screen.wait("half a thought")
            end = time.monotonic() + PATIENCE
            state = os.path.join(place.home, "state")
            while not any(name.startswith("draft-") for name in os.listdir(state)):
                check(time.monotonic() < end, "the draft was never kept")
                time.sleep(0.05)
            os.kill(screen.pid(), signal.SIGKILL)
            screen.wait("[exit 137]")
        finally:
            screen.close()
        screen = Screen(place, "-m", script(place, ANSWER))
        try:
            screen.wait("> half a thought")
            screen.key("Enter")
            screen.wait("the last line", "Ask something")
            screen.key("C-d")
            screen.wait("[exit 0]")
            check(not any(name.startswith("draft-") for name in os.listdir(state)), "a draft was left")
        finally:
            screen.close()


def case_history_of_earlier_runs():
    with Place() as place:
        for turn in ("the first\nthing", "a second"):
            screen = Screen(place, "-m", script(place, ANSWER))
            try:
                screen.wait("script")
                for line in turn.split("\n"):
                    screen.type(line)
                    screen.key("C-j")
                screen.key("BSpace", "Enter")
                screen.wait("the last line", "Ask something")
                screen.key("C-d")
                screen.wait("[exit 0]")
            finally:
                screen.close()
        check(os.stat(os.path.join(place.home, "state", "history")).st_mode & 0o777 == 0o600, "the file's mode")
        with open(os.path.join(place.home, "state", "history"), "a") as file:
            file.write('{"broken\n')
        screen = Screen(place, "-m", script(place, ANSWER))
        try:
            screen.wait("script")
            screen.key("Up")
            screen.wait("> a second")
            screen.key("C-u", "C-r")
            screen.type("fir")
            screen.wait("history: fir  the first")
        finally:
            screen.close()


def case_files():
    with Place() as place:
        os.makedirs(os.path.join(place.work, "src", "deep"))
        ignored = {".gitignore": "*.o\n", ".agentignore": "passed.c\n"}
        for name in (*ignored, "src/deep/needle.c", "src/skipped.o", "src/passed.c", "README.md"):
            place.write(name, ignored.get(name, "x\n"))
        os.symlink("/etc", os.path.join(place.work, "outside"))
        screen = Screen(place, "-m", script(place, ANSWER))
        try:
            screen.wait("script")
            screen.type("see @need")
            screen.wait("@src/deep/needle.c")
            screen.key("Tab")
            screen.wait("see @src/deep/needle.c")
            screen.key("C-u")
            screen.type("@s")
            text = screen.wait("@src/")
            check("skipped" not in text and "passed" not in text and "outside" not in text, text)
        finally:
            screen.close()


def counted(pid):
    """Wake-ups and ticks of processor time, of all threads."""
    wakes = time_used = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        status = open(f"/proc/{pid}/task/{task}/status").read()
        wakes += int(status.split("voluntary_ctxt_switches:")[1].split()[0])
        fields = open(f"/proc/{pid}/task/{task}/stat").read().rsplit(")", 1)[1].split()
        time_used += int(fields[11]) + int(fields[12])
    return wakes, time_used


def case_idle():
    """A screen that nothing happens on does nothing: no processor time, hardly a wake-up in any of its threads. Nor does one that
    waits for an answer of the user's."""
    call = '<|tool_call>call:shell{command:<|"|>echo hello<|"|>}<tool_call|><|tool_response>'
    with Place() as place:
        screen = Screen(place, "-m", script(place, "Done.", call, "Said."))
        try:
            screen.wait("script")
            screen.say("go")
            screen.wait("Done.")
            pid = screen.pid()
            time.sleep(5)  # what waits for a quiet moment
            before = counted(pid)
            time.sleep(10)
            after = counted(pid)
            check(after[0] - before[0] <= 1 and after[1] == before[1], (before, after))
            screen.key("x")  # the control: a key is counted
            screen.wait("> x")
            end = time.monotonic() + PATIENCE
            while counted(pid)[0] <= after[0]:  # it counts when it sleeps again
                check(time.monotonic() < end, "nothing is counted")
                time.sleep(0.05)
            screen.say(" go on")
            screen.wait("y once")
            time.sleep(2)
            before = counted(pid)
            time.sleep(5)
            after = counted(pid)
            check(after[0] - before[0] <= 1, (before, after))
            screen.key("y")
            screen.wait("Said.")
        finally:
            screen.close()


def case_mouse():
    """Where it is asked for: a click places the cursor, opens what is folded, the wheel scrolls; else it is the terminal's own."""
    with Place() as place:
        model = script(place, '<|tool_call>call:shell{command:<|"|>seq -f "line %g" 0 29<|"|>}<tool_call|>', "Done.")
        screen = Screen(place, "--set", "tui.mouse=true", "--mode", "full", "-m", model)
        mouse = lambda report: screen.tmux("send-keys", "-H", *(f"{byte:02x}" for byte in b"\x1b[<" + report))
        try:
            screen.wait("script")
            screen.say("go")
            text = screen.wait("Done.", "more lines")
            row = [number for number, line in enumerate(text.split("\n"), 1) if "more lines" in line][0]
            mouse(b"0;5;%dM" % row)
            screen.wait("line 17", "more below", gone=("more lines", "line 18"))  # what was clicked stays where it is
            mouse(b"65;5;5M")
            screen.wait("line 20", gone=("> go",))
            mouse(b"64;5;5M")
            screen.wait("line 17", "> go", gone=("line 18",))
            screen.type("one two")
            screen.wait("> one two")
            mouse(b"0;7;23M")
            screen.type("and ")
            screen.wait("> one and two")
        finally:
            screen.close()


def case_keys():
    with Place() as place:
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[keys]\nhistory_search = "Ctrl+G"\n')
        run = subprocess.run(["script", "-qec", CARAT, "/dev/null"], env=place.env, cwd=place.work, capture_output=True, text=True,
                             timeout=PATIENCE)
        check(run.returncode == 2 and "external_editor" in run.stdout and "Ctrl+G" in run.stdout, run.stdout)
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[keys]\nhistory_search = ["C-q", "M-x"]\n')
        screen = Screen(place, "-m", script(place, ANSWER))
        try:
            screen.wait("script")
            screen.say("find me")
            screen.wait("the last line")
            screen.key("C-q")
            screen.type("find")
            screen.wait("history: find  find me")
        finally:
            screen.close()


class Bash:
    """bash with its jobs on a pseudo terminal; all that it writes is kept."""

    def __init__(self, place):
        self.written = b""
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], dict(place.env, TERM="dumb", PS1="$ ", CARAT=CARAT))
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))

    def does(self, keys, text):
        """Sends these, and waits for words behind what was written before."""
        since, end = len(self.written), time.monotonic() + PATIENCE
        os.write(self.tty, keys.encode())
        while text.encode() not in self.written[since:]:
            check(time.monotonic() < end, f"{text!r} did not come: {self.written[since:]!r}")
            if select.select([self.tty], [], [], 0.2)[0]:
                self.written += os.read(self.tty, 1 << 16)
        return self.written[since:].decode()

    def is_raw(self):
        return not termios.tcgetattr(self.tty)[1] & termios.OPOST  # bash leaves that alone, whatever else it sets

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.tty)


def until(met, what):
    end = time.monotonic() + PATIENCE
    while not met():
        check(time.monotonic() < end, what)
        time.sleep(0.02)


def log_of(place):
    path = os.path.join(place.work, "log")
    return open(path).read() if os.path.exists(path) else ""


def case_sandbox_jobs():
    """carat sandbox -- CMD: what is typed is CMD's only while it is in the foreground."""
    with Place() as place:
        bash = Bash(place)
        try:
            bash.does("", "$ ")
            bash.does("PS1='% '\n", "% ")
            bash.does("$CARAT sandbox -- sh -c 'echo rea''dy; while read -r x; do echo \"got $x\" >>log; done'\n", "ready")
            bash.does("one\n", "one")
            until(lambda: log_of(place) == "got one\n", log_of(place))
            bash.does("\x1a", "Stopped")
            check(not bash.is_raw(), "the terminal is left raw")
            bash.does("echo $((6 * 7))\n", "42")
            bash.does("bg\n", "&")
            bash.does("echo $((6 * 8))\n", "48")
            time.sleep(0.3)  # in which it could read
            check(log_of(place) == "got one\n", log_of(place))
            bash.does("fg\n", "while read")
            bash.does("two\n", "two")
            until(lambda: log_of(place) == "got one\ngot two\n", log_of(place))
            bash.does("\x04", "% ")
            bash.does("$CARAT sandbox -- sh -c 'read -r x; echo \"got $x\" >>log' &\n", "[1]")
            time.sleep(0.3)
            bash.does("echo $((7 * 7))\n", "49")
            check("49" not in log_of(place), log_of(place))
            bash.does("kill %1; wait; echo $((8 * 8))\n", "64")
        finally:
            bash.close()


def case_sandbox_keys():
    """Ctrl+C goes to CMD, which may have jobs of its own; the terminal is as it was afterwards."""
    with Place() as place:
        bash = Bash(place)
        try:
            bash.does("", "$ ")
            bash.does("PS1='% '\n", "% ")
            bash.does("$CARAT sandbox -- sh -c 'trap \"echo tra''pped; exit 5\" INT; echo rea''dy; while :; do sleep 0.05; done'; echo code $?\n", "ready")
            check(bash.is_raw(), "the keys do not go on as they are")
            bash.does("\x03", "code 5\r\n% ")
            check(b"trapped" in bash.written and not bash.is_raw(), bash.written)
            bash.does("$CARAT sandbox -- stty size\n", "33 77\r\n% ")
            bash.does("$CARAT sandbox -- bash --norc -i\n", "bash-")
            bash.does("sleep 55\n", "sleep 55")
            time.sleep(0.3)  # until it is in the foreground
            bash.does("\x1a", "Stopped")
            bash.does("jobs\n", "sleep 55")
            bash.does("exit\nexit\n", "% ")  # the first one says that there are jobs
            bash.does("$CARAT sandbox -- sh -c 'kill -9 $$'; echo code $?\n", "code 137\r\n% ")
            check(not bash.is_raw(), "the terminal is left raw")
        finally:
            bash.close()


def case_sandbox_signals():
    """Without a terminal: signals reach CMD, which has two seconds; who leaves its output does not end it."""
    loop = "echo ready; while :; do sleep 0.05; done"
    runs = []
    with Place() as place:
        def start(line, hangup=signal.SIG_DFL):
            signal.signal(signal.SIGHUP, hangup)  # whatever this test was started with
            runs.append(subprocess.Popen([CARAT, "sandbox", "--", "sh", "-c", line], cwd=place.work, env=place.env, text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
            check(runs[-1].stdout.readline() == "ready\n", "it does not begin")
            return runs[-1]

        try:
            for word, number in (("TERM", signal.SIGTERM), ("INT", signal.SIGINT), ("HUP", signal.SIGHUP)):
                run = start(f"trap 'echo told; exit 3' {word}; {loop}")
                run.send_signal(number)
                check((run.communicate(timeout=PATIENCE)[0], run.returncode) == ("told\n", 3), (word, run.returncode))
            run = start(f"trap 'exit 3' TERM; {loop}", signal.SIG_IGN)  # as nohup does
            run.send_signal(signal.SIGHUP)
            run.terminate()
            check(run.wait(PATIENCE) == 3, run.returncode)
            run.stdout.close()
            run = start(f"trap '' TERM; {loop}")
            run.terminate()
            check(run.wait(PATIENCE) == 137, run.returncode)
            run.stdout.close()
            run = start("echo ready; sleep 0.3; touch done")
            run.stdout.close()
            check(run.wait(PATIENCE) == 0 and os.path.exists(place.work + "/done"), run.returncode)
        finally:
            for run in runs:
                run.kill()


main(globals())
