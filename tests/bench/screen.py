#!/usr/bin/env python3
"""The screen's own figures, measured on a pseudo terminal: start, echo of keys, bytes and processor time of a streamed token,
memory, idleness, a turn.

    tests/bench/screen.py BUILD [PART...] [--screen inline] [--rate 85] [--runs 15] [--model FILE] [--home HOME [--resume ID]]

BUILD is a build folder. Parts (all of them): start idle stream kinds long echo flood memory turn. The model is a scripted twin, so that
nothing of an engine is in the figures; with --model, a file, the echo is measured while that model streams, too, and uses all
cores. Processor time is from /proc/*/schedstat and says more than the clock where other programs run: that of the loop's thread
and of the keeper, which is what a token costs; that of the twin's own thread, which stands for the engine's, is told beside it.

Each row says the goal and what was measured, in bold where it misses the goal. On a machine that others use, run it as
`chrt -f 10 timeout 300 tests/bench/screen.py ...`: carat and this program are then not kept waiting. The echo, where every core
shall be in use, with --first instead, as root: what is used here is then in the way, and little else.
"""
import argparse
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROMPT = b"Ask something"
CLEARS = re.compile(rb"\x1b\[[23]J|\x1bc")
QUERIES = re.compile(rb"\x1b\[[0-9;?>]*[cn]|\x1bP\+q|\x1bP\$q|\x1b\[\?\d+\$p|\x1b\[\?u|\x1b\]1[01];\?")
WINDOW_S = 12  # in which a stream is looked at


class Carat:
    """carat on a pseudo terminal of 40 by 120; what it writes is kept as bytes."""

    def __init__(self, options, script, early=b"", home=None, model=None, words=()):
        self.own_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="carat-bench-")
        path = os.path.join(self.home, "script.json")
        with open(path, "w") as file:
            json.dump(script, file)
        self.written = bytearray()
        words = [os.path.join(os.path.abspath(options.build), "carat"), "-m", model or "script:" + path,
                 "--screen", options.screen, "--max-tokens", "1000000", *words]
        self.started = time.monotonic()
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            os.chdir(self.home)
            os.environ.update(TERM="xterm-256color", CARAT_HOME=self.home, HOME=self.home, LC_ALL="C.UTF-8")
            os.execv(words[0], words)
        if options.first:
            go_first(self.pid)
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        if early:
            os.write(self.tty, early)

    def read(self, seconds):
        """What comes within that time, up to one read; False when nothing did."""
        if not select.select([self.tty], [], [], max(0, seconds))[0]:
            return False
        try:
            self.written += os.read(self.tty, 1 << 16)
        except OSError:
            raise SystemExit("carat has ended: " + self.written[-2000:].decode(errors="replace"))
        return True

    def wait(self, text, since=0, seconds=60):
        end = time.monotonic() + seconds
        while self.written.find(text, since) < 0:
            if not self.read(end - time.monotonic()) and time.monotonic() >= end:
                raise SystemExit(f"{text!r} did not come: " + self.written[-2000:].decode(errors="replace"))
        return time.monotonic()

    def settle(self, seconds=0.3):
        while self.read(seconds):
            pass

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(end - time.monotonic())

    def ask(self):
        """Sends a message; returns when the first words of the answer are there."""
        self.wait(PROMPT)
        self.settle()
        since = len(self.written)
        os.write(self.tty, b"go\r")
        self.wait(b"Paragraph", since)

    def processes(self):
        """Keeper and child."""
        children = open(f"/proc/{self.pid}/task/{self.pid}/children").read().split()
        return [self.pid, *map(int, children)]

    def cpu_ms(self, others=False):
        """Of the main threads, or of the others."""
        total = 0
        for pid in self.processes():
            for task in os.listdir(f"/proc/{pid}/task"):
                if (int(task) != pid) == others:
                    total += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
        return total / 1e6

    def wakeups(self, others=False):
        total = 0
        for pid in self.processes():
            for task in os.listdir(f"/proc/{pid}/task"):
                if others and int(task) == pid:
                    continue
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open(f"/proc/{pid}/task/{task}/status").read(),
                                       re.MULTILINE).group(1))
        return total

    def pss_kib(self):
        return sum(int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(), re.MULTILINE).group(1))
                   for pid in self.processes())

    def most_mib(self):
        """The largest resident size so far of one process."""
        return max(int(re.search(r"^VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read(), re.MULTILINE).group(1))
                   for pid in self.processes()) / 1024

    def echo_ms(self, count, gap=0.02):
        """From a key to its cell, `count` times; each is taken away again. Two keys in turn: where carat reads the taking away
        and the next key together, the cell still changes."""
        times = []
        for number in range(count):
            key = b"QX"[number % 2:][:1]
            since = len(self.written)
            pressed = time.monotonic()
            os.write(self.tty, key)
            times.append((self.wait(key, since) - pressed) * 1000)
            os.write(self.tty, b"\x7f")
            self.run_for(gap)
        return times

    def close(self):
        """Also waits for the end of the child, which is not ours: until then it holds its conversation."""
        processes = self.processes()
        ends = [os.pidfd_open(pid) for pid in processes]
        for pid in reversed(processes):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for end in ends:
            select.select([end], [], [])
            os.close(end)
        os.close(self.tty)
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)


def go_first(process):
    """Before what else runs on this machine: the session of that process, as one (sched(7), autogroup), and it."""
    with open(f"/proc/{process}/autogroup", "w") as file:
        file.write("-19")
    os.setpriority(os.PRIO_PROCESS, 0 if process == "self" else process, -19)


class Load:
    """Every core in use, by a process each that shares nothing with carat."""

    def __init__(self, options):
        self.options = options

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
                          for _ in range(os.cpu_count())]
        for process in self.processes if self.options.first else ():
            go_first(process.pid)
        time.sleep(0.5)

    def __exit__(self, *unused):
        for process in self.processes:
            process.kill()
            process.wait()


def row(figure, goal, measured, reached=True):
    print(f"| {figure} | {goal} | {measured if reached else '**' + measured + '**'} |", flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def echo_row(name, carat, middle, most):
    """In rounds: what other programs do to one of them they seldom do to all."""
    rounds = [carat.echo_ms(100) for _ in range(4)]
    times = sum(rounds, [])
    quiet = min(rounds, key=max)
    row(f"{name}: median and 99th percentile of {len(times)}; median and most of the quietest 100", f"{middle}, {most} ms",
        f"{statistics.median(times):.2f}, {percentile(times, .99):.2f}; {statistics.median(quiet):.2f}, {max(quiet):.2f} ms",
        statistics.median(times) <= middle and percentile(times, .99) <= most)


def measure_start(options):
    walls, cpus, keys = [], [], []
    queries = most = 0
    words = ("--resume", options.resume) if options.resume else ()
    first = Carat(options, [], home=options.home)  # makes the store, which later starts find
    first.wait(PROMPT)
    first.settle()
    for _ in range(options.runs):
        carat = Carat(options, [], home=first.home, words=words)
        walls.append((carat.wait(PROMPT) - carat.started) * 1000)
        cpus.append(carat.cpu_ms())
        most = max(most, carat.most_mib())
        queries += len(QUERIES.findall(bytes(carat.written)))
        carat.close()
        carat = Carat(options, [], early=b"Q", home=first.home, words=words)
        keys.append((carat.wait(b"Q", 1) - carat.started) * 1000)
        carat.close()
    first.close()
    goal = (200, 200) if options.resume else (100, 100) if options.home else (20, 25)
    row("exec to the prompt painted: least, median", f"{goal[0]} ms", f"{min(walls):.1f}, {statistics.median(walls):.1f} ms",
        statistics.median(walls) <= goal[0])
    row("the same, processor time: least, median", "", f"{min(cpus):.1f}, {statistics.median(cpus):.1f} ms")
    row("exec to the first own key painted: least, median", f"{goal[1]} ms",
        f"{min(keys):.1f}, {statistics.median(keys):.1f} ms", statistics.median(keys) <= goal[1])
    row("terminal queries", "0", str(queries), queries == 0)
    if options.resume:
        row("memory at most", "150 MiB", f"{most:.0f} MiB", most <= 150)


def measure_idle(options):
    carat = Carat(options, [])
    carat.wait(PROMPT)
    carat.run_for(3)
    echo_row("key echo, idle", carat, 0.3, 2)
    carat.run_for(3)
    cpu, wakeups, written = carat.cpu_ms() + carat.cpu_ms(True), carat.wakeups(), len(carat.written)
    carat.run_for(options.idle)
    cpu, wakeups = carat.cpu_ms() + carat.cpu_ms(True) - cpu, carat.wakeups() - wakeups
    row(f"idle, {options.idle} s: processor time, wake-ups, bytes", "0, 0.1 a second, 0",
        f"{cpu:.1f} ms, {wakeups}, {len(carat.written) - written}",
        cpu < 0.5 and wakeups <= options.idle / 10 and len(carat.written) == written)
    carat.close()


def paragraph(number):
    return f"Paragraph {number} says **some** words with `code` in it, and goes on for a while as answers do.\n\n"


def answer(tokens, rate, at_once=0):
    """A script of one answer of so many tokens of three bytes, the first ones at once."""
    text = "".join(paragraph(number) for number in range(tokens * 3 // 90 + 1))[:tokens * 3]
    return [{"text": text + "Z<turn|>", "delay_ms": 1000 // rate, "at_once": at_once}]


class Window:
    """What a streamed token costs for a while. The twin sleeps once before each: that counts them."""

    def __init__(self, carat, seconds=WINDOW_S):
        cpu, twin, since, before = carat.cpu_ms(), carat.cpu_ms(True), len(carat.written), carat.wakeups(True)
        carat.run_for(seconds)
        tokens = carat.wakeups(True) - before
        self.cpu, self.twin = (carat.cpu_ms() - cpu) / tokens, (carat.cpu_ms(True) - twin) / tokens
        self.bytes = (len(carat.written) - since) / tokens


def stream_rows(options, tokens, rate):
    """At the end of an answer of so many tokens."""
    warm = 3 * rate  # tokens: what the beginning costs once is not what a token costs
    carat = Carat(options, answer(tokens + (WINDOW_S + 20) * rate, rate, max(0, tokens - warm)))
    carat.ask()
    carat.run_for(5 if tokens > warm else 1)
    window = Window(carat)
    clears = len(CLEARS.findall(bytes(carat.written[carat.written.find(b"Paragraph"):])))
    carat.close()
    where = f"at token {tokens:,}, {rate} a second"
    row(f"terminal bytes a streamed token {where}", "12", f"{window.bytes:.1f}", window.bytes <= 12)
    row(f"processor time a streamed token {where} (the twin's thread: {window.twin:.3f})", "0.05 ms", f"{window.cpu:.3f} ms",
        window.cpu <= 0.05)
    row(f"clears of screen or scrollback while streaming {where}", "0", str(clears), clears == 0)


def measure_stream(options):
    stream_rows(options, 100, options.rate)


# What stands before, and what the n-th piece is: each goes on without a blank line, higher than the screen. The table's columns
# stay as wide as they are: when one becomes wider all of its rows are sent again.
KINDS = {
    "a list": ("", lambda n: f"- Item {n} says **some** words with `code` in it, and more.\n"),
    "code": ("```c\n", lambda n: f'int value_{n} = read_value("name", {n}); /* kept */\nif (value_{n} > 0) {{\n    return value_{n} + 1;\n}}\n'),
    "a table": ("| Name | Value | Code | Words |\n| --- | --- | --- | --- |\n",
                lambda n: f"| name {n:03} | value of {n * 7:04} | `code` {n:03} | a few words |\n"),
    "a paragraph": ("", lambda n: f"Sentence {n} says **some** words with `code` in it, and goes on for a while as answers do. "),
}


def measure_kinds(options):
    warm, seconds = 1200, 6
    for name, (head, piece) in KINDS.items():
        size = 3 * (warm + (seconds + 12) * options.rate)
        text = "Paragraph\n\n" + head + "".join(map(piece, range(size // 40)))
        carat = Carat(options, [{"text": text[:size] + "Z<turn|>", "delay_ms": 1000 // options.rate, "at_once": warm}])
        carat.wait(PROMPT)
        carat.settle()
        os.write(carat.tty, b"go\r")
        carat.run_for(2.5)
        window = Window(carat, seconds)
        carat.close()
        row(f"terminal bytes a token of {name}, {options.rate} a second", "12", f"{window.bytes:.1f}", window.bytes <= 12)
        row(f"processor time of it (the twin's thread: {window.twin:.3f})", "0.05 ms", f"{window.cpu:.3f} ms", window.cpu <= 0.05)


def measure_long(options):
    stream_rows(options, 100000, options.rate)


def measure_echo(options):
    with Load(options):
        carat = Carat(options, answer(40 * options.rate, options.rate))
        carat.ask()
        echo_row("key echo while a token streams, every core used by another process", carat, 1, 8)
        carat.close()
    if options.model:
        carat = Carat(options, [], model=os.path.abspath(options.model), words=("--temperature", "8"))
        carat.wait(PROMPT)
        carat.settle(1)
        os.write(carat.tty, b"go\r")
        carat.run_for(3)  # the prompt is read
        cpu, begun = carat.cpu_ms(True), time.monotonic()
        echo_row("key echo while the engine streams", carat, 1, 8)
        cores = (carat.cpu_ms(True) - cpu) / (time.monotonic() - begun) / 1000
        row("cores that the engine got meanwhile", "", f"{cores:.1f} of {os.cpu_count()}")
        carat.close()


def measure_flood(options):
    """240 MB of a command's output, near the limit of what a command may write."""
    command = "for i in $(seq 24); do yes 0123456789abcdef | head -c 10M; sleep 0.2; done"
    call = f'<|tool_call>call:shell{{command:<|"|>{command}<|"|>}}<tool_call|><|tool_response>'
    carat = Carat(options, [call, "It is over.<turn|>"], words=("--mode", "full"))
    carat.wait(PROMPT)
    carat.settle()
    os.write(carat.tty, b"go\r")
    carat.wait(b"0123456789abcdef")
    times = carat.echo_ms(100)
    over = carat.written.find(b"It is over.") >= 0
    carat.close()
    row("key echo while a command writes 50 MB a second: median, 99th percentile, most of 100", "50 ms",
        f"{statistics.median(times):.2f}, {percentile(times, .99):.2f}, {max(times):.2f} ms", max(times) <= 50 and not over)


def measure_memory(options):
    carat = Carat(options, answer(8449, 330))
    carat.wait(PROMPT)
    carat.settle()
    memory = carat.pss_kib()
    carat.ask()
    carat.wait(b"Z", seconds=120)
    carat.settle()
    grown = carat.pss_kib() - memory
    carat.close()
    row("memory of carat, PSS, no model", "12 MiB", f"{memory / 1024:.1f} MiB", memory <= 12 * 1024)
    row("growth over an answer of 8,449 tokens", "1 MiB", f"{grown / 1024:.2f} MiB", grown <= 1024)


def measure_turn(options):
    """One prompt, a tool call in its sandbox, the answer: processor time of all processes, without a model."""
    call = '<|tool_call>call:shell{command:<|"|>echo hello<|"|>}<tool_call|><|tool_response>'
    carat = os.path.join(os.path.abspath(options.build), "carat")
    times = []
    with tempfile.TemporaryDirectory(prefix="carat-bench-") as home:
        with open(os.path.join(home, "script.json"), "w") as file:
            json.dump([call, "It says hello.<turn|>"] * 2, file)
        environment = dict(os.environ, CARAT_HOME=home, HOME=home, LC_ALL="C.UTF-8")
        for _ in range(options.runs):
            pid = os.fork()
            if pid == 0:
                null = os.open(os.devnull, os.O_RDWR)
                for descriptor in (0, 1, 2):
                    os.dup2(null, descriptor)
                os.chdir(home)
                os.execve(carat, [carat, "exec", "-m", f"script:{home}/script.json", "--mode", "full", "do it"], environment)
            _, status, usage = os.wait4(pid, 0)
            if status != 0:
                raise SystemExit(f"carat exec ended with {status}")
            times.append((usage.ru_utime + usage.ru_stime) * 1000)
    row("one prompt, a tool call in its sandbox, the answer; processor time of all processes: least, median", "15 ms",
        f"{min(times):.1f}, {statistics.median(times):.1f} ms", statistics.median(times) <= 15)


PARTS = {"start": measure_start, "idle": measure_idle, "stream": measure_stream, "kinds": measure_kinds, "long": measure_long, "echo": measure_echo,
         "flood": measure_flood, "memory": measure_memory, "turn": measure_turn}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--screen", default="full", choices=("full", "inline"))
    parser.add_argument("--rate", type=int, default=85, help="tokens a second")
    parser.add_argument("--runs", type=int, default=15, help="starts and turns to measure")
    parser.add_argument("--idle", type=int, default=20, help="seconds of idleness to measure")
    parser.add_argument("--model", help="a model file: measures the echo while it streams")
    parser.add_argument("--home", help="a CARAT_HOME that is there, for the start alone: what a large store costs")
    parser.add_argument("--resume", metavar="ID", help="the start with a conversation of that home: what a long one costs")
    parser.add_argument("--first", action="store_true", help="go before what else runs on this machine; needs root")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    if options.first:
        go_first("self")
    print("| Figure | Goal | Measured |\n| --- | --- | --- |")
    for name in ["start"] if options.home else options.parts or PARTS:
        PARTS[name](options)


main()
