"""What the end-to-end tests stand on: a workspace, a screen in tmux, and a way to run one case.

A file of cases imports all of this and ends with main(globals()); it is run as FILE CASE BUILD-FOLDER SOURCE-FOLDER. Each
case works in a fresh workspace with a fresh CARAT_HOME on the embedded model. A case fails by an exception.
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

CASE = sys.argv[1]
BUILD, SOURCE = (os.path.abspath(path) for path in sys.argv[2:4])
CARAT = os.path.join(BUILD, "carat")
TOOL = os.path.join(BUILD, "carat-tool")
ENGINE = os.path.join(BUILD, "carat-engine")
NANO = os.path.join(SOURCE, "models", "nano.gguf")
PATIENCE = 120  # seconds; a sanitizer build on a busy machine is slow, and a hang still ends


class Place:
    """A workspace and a CARAT_HOME of its own, removed at the end."""

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="carat-e2e-")
        self.work = os.path.join(self.root, "work")
        self.home = os.path.join(self.root, "home")
        os.mkdir(self.work)
        os.mkdir(self.home)
        self.env = dict(os.environ, CARAT_HOME=self.home, HOME=self.home, LANG="C.UTF-8", LC_ALL="C.UTF-8")
        for name in ("CARAT_MODEL", "CARAT_CPU", "NO_COLOR"):
            self.env.pop(name, None)
        return self

    def __exit__(self, problem=None, *unused):
        end = time.monotonic() + PATIENCE
        while (left := self.carats()) and time.monotonic() < end:
            time.sleep(0.02)  # what is being ended may still write
        shutil.rmtree(self.root, ignore_errors=True)
        check(problem is not None or not left, f"carat lives on: {left}")

    def carats(self):
        """The processes of carat that live in this CARAT_HOME."""
        mine = f"CARAT_HOME={self.home}".encode()
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/exe") == os.path.realpath(CARAT):
                    with open(f"/proc/{name}/environ", "rb") as environment:
                        found += [int(name)] if mine in environment.read().split(b"\0") else []
            except OSError:
                pass  # it has ended, or is another user's
        return found

    def write(self, name, text):
        with open(os.path.join(self.work, name), "w") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.work, name)) as file:
            return file.read()

    def carat(self, *words, code=0, stdin=None, env=None):
        run = subprocess.run([CARAT, *words], cwd=self.work, env=dict(self.env, **(env or {})), input=stdin,
                             stdin=None if stdin is not None else subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=PATIENCE)
        if code is not None and run.returncode != code:
            raise AssertionError(f"carat {words}: exit {run.returncode}, not {code}\n{run.stdout}\n{run.stderr}")
        return run

    def events(self, *words, code=0):
        return [json.loads(line) for line in self.carat("exec", "--json", *words, code=code).stdout.splitlines()]

    def database(self):
        return sqlite3.connect(os.path.join(self.home, "data", "conversations.db"))

    def wait_for_stored(self, text):
        """Until a message on disk holds the text, in its row and the pieces of an answer that grows."""
        whole = "text || coalesce((select group_concat(text, '') from (select text from growth where message = row order by piece)), '')"
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.database().execute(f"select 1 from messages where {whole} like ?", (f"%{text}%",)).fetchone():
                    return
            except sqlite3.Error:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{text!r} was never stored")


class Screen:
    """carat in a tmux of its own."""

    count = 0

    def __init__(self, place, *words, columns=80, rows=24, term="screen-256color", extra=None):
        Screen.count += 1
        self.place = place
        self.name = os.path.join(place.root, f"tmux{Screen.count}")
        env = [f"{key}={place.env[key]}" for key in ("CARAT_HOME", "HOME", "LANG", "LC_ALL")]
        env += [f"{key}={value}" for key, value in (extra or {}).items()]
        if "ASAN_OPTIONS" in place.env:
            env.append("ASAN_OPTIONS=" + place.env["ASAN_OPTIONS"])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", place.work,
                  "env", *env, "TERM=" + term, "sh", "-c", 'trap : INT; "$@"; echo "[exit $?]"; exec sleep 1000', "sh", CARAT, *words)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.name, *words], capture_output=True, text=True, check=True,
                              timeout=PATIENCE).stdout

    def text(self):
        return self.tmux("capture-pane", "-p", "-S", "-500")

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, *names):
        self.tmux("send-keys", *names)

    def say(self, text):
        self.type(text)
        self.key("Enter")

    def answer(self, *names):
        """Answers a question. Keys of a burst that began before it was shown go to the input line, by design; on a
        machine that stands still for a moment that can be this one, so it is asked again while the question stands."""
        for _ in range(20):
            time.sleep(0.6)
            if "y once" not in self.text():
                return
            self.key(*names)
            time.sleep(1)

    def wait(self, *wanted, gone=()):
        end = time.monotonic() + PATIENCE
        while True:
            text = self.text()
            if all(word in text for word in wanted) and not any(word in text for word in gone):
                return text
            if time.monotonic() > end:
                raise AssertionError(f"waited for {wanted} (gone: {gone}); the screen is\n{text}")
            time.sleep(0.05)

    def settle(self):
        """Until the turn is over: its last words are shown a moment before, and what wants a quiet carat would be refused."""
        self.wait(gone=("Esc interrupts",))

    def pid(self):
        """Of the process that draws and holds the conversation; its parent is the keeper, the shell's child."""
        return self.child(self.child(int(self.tmux("display-message", "-p", "#{pane_pid}"))))

    def child(self, parent):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for name in os.listdir("/proc"):
                if name.isdigit() and self.is_child(name, parent):
                    return int(name)
            time.sleep(0.02)
        raise AssertionError("carat has not started")

    def is_nonblocking(self):
        """Whether the terminal as the shell holds it has O_NONBLOCK."""
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        flags = [line for line in open(f"/proc/{shell}/fdinfo/0") if line.startswith("flags:")][0]
        return int(flags.split()[1], 8) & os.O_NONBLOCK != 0

    @staticmethod
    def is_child(name, parent):
        try:
            fields = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()
            return int(fields[1]) == parent and os.readlink(f"/proc/{name}/exe") == os.path.realpath(CARAT)
        except OSError:
            return False

    def close(self):
        subprocess.run(["tmux", "-S", self.name, "kill-server"], capture_output=True)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def items(events, kind):
    return [event["item"] for event in events if event["type"] == "item.completed" and event["item"]["type"] == kind]


def script(place, *turns):
    """A scripted twin of the model: what it answers, request by request."""
    path = os.path.join(place.root, "script.json")
    with open(path, "w") as file:
        json.dump(list(turns), file)
    return "script:" + path


def main(cases):
    if cases["__name__"] == "__main__":  # and not where another test stands on it
        cases["case_" + CASE]()
