#!/usr/bin/env python3
"""Ctrl+C at any moment of a turn: interrupts.py CASE BUILD SOURCE.

Scenarios on the real screen, each with its share of random moments after a prompt was sent. After each Ctrl+C the screen is
idle again, nothing that the turn had started runs on, and the program lives; at a scenario's end its store is whole and the
conversation goes on. How long a turn took to end is printed, as seen by looks at the screen some milliseconds apart; a clock
beside it says how long the machine let nobody look, so that what others do to it is not taken for carat's doing.
CARAT_INTERRUPTS in the environment is the number of moments; they follow from a fixed seed.
"""
import os
import random
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from rows import *
from model_server import ModelServer

INTERRUPTS = int(os.environ.get("CARAT_INTERRUPTS", "40"))
MARK = "7777.7"  # seconds, so that what a turn started is known by its arguments
STILL = 0.04  # seconds
ONLY = os.environ.get("CARAT_INTERRUPT_ONLY")
WORDS = "one two three four five six seven eight nine ten " * 60 + "<turn|>"
SERVER = os.path.join(SOURCE, "tests", "e2e", "hostile_server.py")
HANGING = f'[mcp.x]\ncommand = "python3"\nargs = ["server.py", "hangs"]\ntimeout_s = 600\n'


def shell(command):
    return call("shell", command=command)


class Scenario:
    """turns: what the model says at each request, over and over; None is the embedded model, a word a server's fault."""

    def __init__(self, name, turns, words=("--mode", "full"), prompt="go", config="", longest=0.6):
        self.name, self.turns, self.words, self.prompt, self.config, self.longest = name, turns, words, prompt, config, longest


SCENARIOS = [
    Scenario("slow text", [{"text": WORDS, "delay_ms": 20}]),
    Scenario("fast text", [{"text": WORDS, "delay_ms": 1}]),
    Scenario("thought", [{"text": "<|channel>thought\n" + WORDS.replace("<turn|>", "<channel|>x<turn|>"), "delay_ms": 5}]),
    Scenario("markdown", [{"text": "# a\n\n| b | c |\n|---|---|\n" + "| `d` | **e** |\n" * 200 + "<turn|>", "delay_ms": 2}]),
    Scenario("call being written", [{"text": call("write_file", path="w.txt", content="x " * 500), "delay_ms": 5}]),
    Scenario("silent model", [{"text": WORDS, "delay_ms": 5000}]),
    Scenario("command", [shell(f"sleep {MARK}")]),
    Scenario("command's children", [shell(f"(setsid sleep {MARK} &) ; sleep {MARK} | sleep {MARK}")]),
    Scenario("command that ignores signals", [shell(f"trap '' INT TERM HUP; sleep {MARK}; sleep {MARK}")]),
    Scenario("flood", [shell(f"yes lantern & sleep {MARK}")]),
    Scenario("many files", [shell(f"for i in $(seq 3000); do echo x > f$i; done; sleep {MARK}")]),
    Scenario("short commands", [shell("echo a"), shell("echo b"), call("list_files"), call("read_file", path="notes.txt")]),
    Scenario("edits", [call("write_file", path="n.txt", content="x"), call("read_file", path="notes.txt"), call("edit_file", path="notes.txt", old_text="two", new_text="two")]),
    Scenario("search", [call("search_files", pattern="line .*7"), call("list_files", path=".")]),
    Scenario("question", [shell("echo never")], words=("--mode", "ask")),
    Scenario("hook", [shell("echo a")], config=f'[[hooks]]\nevent = "before_tool"\ncommand = "sleep {MARK}"\ntimeout_s = 600\n'),
    Scenario("server that hangs", [call("mcp__x__echo", words="hello")], config=HANGING),
    Scenario("jobs", [shell(f"sleep 0.05 &"), shell("echo a")]),
    Scenario("own command", [WORDS], prompt=f"!sleep {MARK}"),
    Scenario("embedded model", None, prompt="what is 17 * 23, and tell me a long story about a river, a lantern and a heron " * 20),
    Scenario("remote stalls", "stall"),
    Scenario("remote is silent", "silent"),
]


class Clock(threading.Thread):
    """Ticks every few milliseconds and knows its longest pause: so long this machine ran nothing of ours."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0
        self.start()

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(0.003)
            now = time.monotonic()
            self.longest = max(self.longest, now - last - 0.003)
            last = now

    def begin(self):
        self.longest = 0


class Looks:
    """One client of the screen's tmux that stays: to start one for each look takes longer than what is looked for."""

    def __init__(self, screen):
        self.process = subprocess.Popen(["tmux", "-S", screen.name, "-C", "attach", "-f", "ignore-size,no-output"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace")

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = None
        while line := self.process.stdout.readline():
            words = line.split()
            if lines is None and words[:1] == ["%begin"] and words[3] == "1":  # of a command that we sent
                lines, number = [], words[2]
            elif lines is not None and words[:1] in (["%end"], ["%error"]) and words[2] == number:
                check(words[0] == "%end", f"{command}: {lines}")
                return "".join(lines)
            elif lines is not None:
                lines.append(line)
        raise AssertionError("tmux has gone")

    def close(self):
        self.process.kill()
        self.process.communicate()


def running(place):
    """Processes of the place that a turn started."""
    found = []
    for name in os.listdir("/proc"):
        try:
            words = open(f"/proc/{name}/cmdline", "rb").read() if name.isdigit() else b""
            if MARK.encode() in words and os.readlink(f"/proc/{name}/cwd").startswith(place.root) and b"tmux" not in words \
                    and open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
                found.append((int(name), words[:80]))
        except OSError:
            pass
    return found


class Session:
    def __init__(self, place, scenario, server):
        self.place, self.scenario = place, scenario
        place.write("notes.txt", "one\ntwo\n")
        place.write("many.txt", "".join(f"line {number}\n" for number in range(20000)))
        place.write("server.py", open(SERVER).read())
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write(scenario.config)
        words = list(scenario.words)
        if isinstance(scenario.turns, str):
            words += ["-m", "remote:big", "--remote-url", server.url(scenario.turns)]
        elif scenario.turns is not None:
            words += ["-m", script(place, *scenario.turns * 2000)]
        self.words = words
        self.screen = Screen(place, *words, columns=100, rows=30)
        self.screen.wait("nano" if scenario.turns is None else "big" if isinstance(scenario.turns, str) else "script")
        self.pid = self.screen.pid()
        self.looks = Looks(self.screen)

    def close(self):
        self.looks.close()
        self.screen.close()

    def wait_until_idle(self):
        """Seconds from Ctrl+C to a screen that is idle, and stays so, and the longest of them in which nothing ran; None when it was idle before, as the screen itself says."""
        begin, idle_since = time.monotonic(), None
        CLOCK.begin()
        while idle_since is None or time.monotonic() - idle_since < 0.06:
            text, now = self.looks.ask("capture-pane -p"), time.monotonic()
            check("[exit" not in text, f"it ended:\n{text}")
            check(now - begin < PATIENCE, f"it goes on:\n{text}")
            if "Ctrl+C again to exit" in text:
                return None
            busy = "Esc interrupts" in text or "y once" in text or "still stopping" in text
            if idle_since is None and not busy:
                stood_still = CLOCK.longest
            idle_since = None if busy else idle_since or now
            time.sleep(0.002)
        return idle_since - begin, stood_still

    def one(self, pause):
        self.screen.say(self.scenario.prompt)
        time.sleep(pause)
        self.looks.ask("send-keys C-c")
        took = self.wait_until_idle()
        end = time.monotonic() + PATIENCE
        while left := running(self.place):
            check(time.monotonic() < end, f"still running: {left}")
            time.sleep(0.005)
        return took

    def wait_for_jobs(self):
        """The status line counts them: while one runs, carat asks before it leaves."""
        end = time.monotonic() + PATIENCE
        while " job" in self.screen.text().rstrip().splitlines()[-1]:
            check(time.monotonic() < end, "a job goes on")
            time.sleep(0.02)

    def finish(self):
        """It lives, its store is whole, and the conversation can be gone on with."""
        check(self.screen.pid() == self.pid, "another process")
        self.screen.type("still here")
        self.screen.wait("still here")
        self.screen.settle()  # it looked idle, perhaps because no key had been read yet
        self.screen.key("C-c")
        self.screen.wait(gone=("still here",))
        self.wait_for_jobs()
        self.screen.say("/quit")
        self.screen.wait("[exit 0]")
        database = self.place.database()
        check(database.execute("pragma integrity_check").fetchone() == ("ok",), "the store is damaged")
        rows = database.execute("select count(*) from messages").fetchone()[0]
        database.close()
        if rows > 0:
            run = self.place.carat("exec", "-m", script(self.place, "On.<turn|>"), "resume", "--last", "more", code=None)
            check(run.returncode == 0 and "On." in run.stdout, f"it does not go on: {run.stderr}")
        return rows


CLOCK = Clock()


def spread(values):
    values = sorted(values)
    if not values:
        return "none"
    return (f"{1000 * values[len(values) // 2]:.0f} ms (median), {1000 * values[len(values) * 99 // 100]:.0f} ms (p99), "
            f"{1000 * values[-1]:.0f} ms (worst)")


def case_any_moment():
    moments, took, done, idle = random.Random(20), [], 0, 0
    slowest = {}
    scenarios = [scenario for scenario in SCENARIOS if ONLY in (None, scenario.name)]
    with ModelServer() as server:
        for number, scenario in enumerate(scenarios):
            share = INTERRUPTS * (number + 1) // len(scenarios) - INTERRUPTS * number // len(scenarios)
            with Place() as place:
                session = Session(place, scenario, server)
                try:
                    for _ in range(share):
                        met = session.one(moments.uniform(0, scenario.longest))
                        done += 1
                        idle += met is None
                        took += [met] if met is not None else []
                        slowest[scenario.name] = max(slowest.get(scenario.name, (0, 0)), met or (0, 0))
                    session.finish()
                except Exception as problem:
                    raise AssertionError(f"{scenario.name}: {problem}") from problem
                finally:
                    session.close()
            seconds, still = slowest.get(scenario.name, (0, 0))
            print(f"{scenario.name}: {share} moments, slowest {1000 * seconds:.0f} ms ({1000 * still:.0f} of them nothing ran)", flush=True)
    took.sort()
    print(f"{done} moments in {len(scenarios)} scenarios, {idle} of them when the turn was over, load {os.getloadavg()[0]:.0f}: "
          f"ended after {spread(seconds for seconds, _ in took)}", flush=True)
    awake = [seconds for seconds, still in took if still < STILL]
    print(f"of them {len(awake)} while nothing stood still for {1000 * STILL:.0f} ms: {spread(awake)}", flush=True)
    check(len(took) >= done // 2, "most of them met a turn that ran")


main(globals())
