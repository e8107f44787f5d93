#!/usr/bin/env python3
"""The screen's own figures, measured on a pseudo terminal: start, echo of keys, bytes and processor time of a streamed token,
memory, idleness.

    tests/bench/screen.py BUILD [--screen inline] [--tokens 8449] [--rate 85] [--busy] [--runs 15]

BUILD is a build folder. The model is a scripted twin, so nothing of an engine is in the figures; --busy loads all cores
meanwhile with an endless loop each, as an engine does. Processor time is of carat and its keeper together, from
/proc/*/schedstat, and says more than the clock where other programs run. Lines: figure, goal, measured.
"""
import argparse
import fcntl
import json
import os
import pty
import re
import select
import shutil
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


class Carat:
    """carat on a pseudo terminal of 40 by 120; what it writes is kept as bytes."""

    def __init__(self, options, script, early=b"", home=None):
        self.own_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="carat-bench-")
        path = os.path.join(self.home, "script.json")
        with open(path, "w") as file:
            json.dump(script, file)
        self.written = bytearray()
        words = [os.path.join(os.path.abspath(options.build), "carat"), "-m", "script:" + path, "--screen", options.screen]
        self.started = time.monotonic()
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            os.chdir(self.home)
            os.environ.update(TERM="xterm-256color", CARAT_HOME=self.home, HOME=self.home, LC_ALL="C.UTF-8")
            os.execv(words[0], words)
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

    def processes(self):
        """Keeper and child."""
        children = open(f"/proc/{self.pid}/task/{self.pid}/children").read().split()
        return [self.pid, *map(int, children)]

    def cpu_ms(self):
        total = 0
        for pid in self.processes():
            for task in os.listdir(f"/proc/{pid}/task"):
                total += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
        return total / 1e6

    def wakeups(self):
        total = 0
        for pid in self.processes():
            for task in os.listdir(f"/proc/{pid}/task"):
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open(f"/proc/{pid}/task/{task}/status").read(),
                                       re.MULTILINE).group(1))
        return total

    def pss_kib(self):
        return sum(int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(), re.MULTILINE).group(1))
                   for pid in self.processes())

    def echo_ms(self, count):
        """From a key to its cell, `count` times; each is taken away again."""
        times = []
        for _ in range(count):
            since = len(self.written)
            pressed = time.monotonic()
            os.write(self.tty, b"Q")
            times.append((self.wait(b"Q", since) - pressed) * 1000)
            os.write(self.tty, b"\x7f")
            self.run_for(0.02)
        return times

    def close(self):
        for pid in reversed(self.processes()):
            os.kill(pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.tty)
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)


def row(figure, goal, measured):
    print(f"| {figure} | {goal} | {measured} |", flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure_start(options):
    walls, cpus, keys = [], [], []
    queries = 0
    first = Carat(options, [], home=options.home)  # makes the store, which later starts find
    first.wait(PROMPT)
    first.settle()
    for _ in range(options.runs):
        carat = Carat(options, [], home=first.home)
        walls.append((carat.wait(PROMPT) - carat.started) * 1000)
        cpus.append(carat.cpu_ms())
        queries += len(QUERIES.findall(bytes(carat.written)))
        carat.close()
        carat = Carat(options, [], early=b"Q", home=first.home)
        keys.append((carat.wait(b"Q", 1) - carat.started) * 1000)
        carat.close()
    first.close()
    row("exec to the prompt painted: least, median", "20 ms", f"{min(walls):.1f}, {statistics.median(walls):.1f} ms")
    row("the same, processor time: least, median", "", f"{min(cpus):.1f}, {statistics.median(cpus):.1f} ms")
    row("exec to the first own key painted: least, median", "25 ms", f"{min(keys):.1f}, {statistics.median(keys):.1f} ms")
    row("terminal queries", "0", str(queries))


def measure_idle(options):
    carat = Carat(options, [])
    carat.wait(PROMPT)
    carat.run_for(3)
    times = carat.echo_ms(200)
    row("key echo, idle: median, 99th of 100", "0.3, 2 ms", f"{statistics.median(times):.2f}, {percentile(times, .99):.1f} ms")
    carat.run_for(3)
    cpu, wakeups, written = carat.cpu_ms(), carat.wakeups(), len(carat.written)
    carat.run_for(options.idle)
    row(f"idle, {options.idle} s: processor time, wake-ups, bytes", "0, 0.1 a second, 0",
        f"{carat.cpu_ms() - cpu:.1f} ms, {carat.wakeups() - wakeups}, {len(carat.written) - written}")
    carat.close()


def paragraph(number):
    return f"Paragraph {number} says **some** words with `code` in it, and goes on for a while as answers do.\n\n"


def measure_stream(options):
    """One answer of so many tokens of three bytes; figures at its beginning and at its end."""
    text = "".join(paragraph(number) for number in range(options.tokens * 3 // 90 + 1))[:options.tokens * 3]
    carat = Carat(options, [{"text": text + "Z<turn|>", "delay_ms": 1000 // options.rate}])
    carat.wait(PROMPT)
    carat.settle()
    memory = carat.pss_kib()
    os.write(carat.tty, b"go\r")
    carat.wait(b"Paragraph")
    seconds, spans = options.tokens / options.rate, []
    begun = time.monotonic()
    for share in (0.02, 0.8):
        carat.run_for(begun + share * seconds - time.monotonic())
        at, cpu, since = time.monotonic(), carat.cpu_ms(), len(carat.written)
        carat.run_for(0.12 * seconds)
        tokens = (time.monotonic() - at) * options.rate
        spans.append(((carat.cpu_ms() - cpu) / tokens, (len(carat.written) - since) / tokens))
    times = carat.echo_ms(60)
    grown = carat.pss_kib() - memory
    row("key echo while a token streams" + (", all cores busy" if options.busy else "") + ": median, 99th of 100", "1, 8 ms",
        f"{statistics.median(times):.2f}, {percentile(times, .99):.1f} ms")
    row("memory of carat, PSS, no model; growth over the answer", "12 MiB; 1 MiB", f"{memory / 1024:.1f}; {grown / 1024:.2f} MiB")
    row(f"terminal bytes a streamed token, {options.rate} tokens a second: at the beginning, at the end", "12",
        f"{spans[0][1]:.1f}, {spans[1][1]:.1f}")
    row("processor time a streamed token: at the beginning, at the end", "0.05 ms", f"{spans[0][0]:.3f}, {spans[1][0]:.3f} ms")
    row("clears of screen or scrollback while streaming", "0", str(len(CLEARS.findall(bytes(carat.written[carat.written.find(b'Paragraph'):])))))
    carat.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--screen", default="full", choices=("full", "inline"))
    parser.add_argument("--tokens", type=int, default=8449)
    parser.add_argument("--rate", type=int, default=85, help="tokens a second")
    parser.add_argument("--runs", type=int, default=15, help="starts to measure")
    parser.add_argument("--idle", type=int, default=20, help="seconds of idleness to measure")
    parser.add_argument("--home", help="a CARAT_HOME that is there, for the start alone: what a large store costs")
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() if options.busy else 0)]
    try:
        print("| Figure | Goal | Measured |\n| --- | --- | --- |")
        measure_start(options)
        if not options.home:
            measure_idle(options)
            measure_stream(options)
    finally:
        for process in load:
            process.kill()


main()
