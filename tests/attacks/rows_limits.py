#!/usr/bin/env python3
"""L: commands that take all there is. Each ends in time as a result, and carat goes on, as small as before.

The control of each is that the command does begin to do it: its own words before the end.
"""
import os

from rows import *

OWN_SLEEP = f"300.{os.getpid()}"  # nobody else's on this machine
MEGABYTES = 2048  # less than the default: others have their work on this machine, too
ROWS = [  # id, what, command, words that show that it began, most seconds: enough for that where all else is busy
    ("L01", "CPU", "echo began; while :; do :; done", "began", 8),
    ("L02", "memory", "echo began; python3 -c \"x = []\nwhile True: x.append(bytearray(1 << 26))\"", "began", 20),
    ("L03", "descriptors", "echo began; python3 -c \"import os\nwhile True: os.dup(1)\"", "began", 10),
    ("L04", "a million files", "echo began; mkdir many; cd many; python3 -c \"for n in range(1000000): open(str(n), 'w').close()\"", "began", 5),
    ("L05", "deep folders", "echo began; python3 -c \"import os\nfor n in range(5000): os.mkdir('d'); os.chdir('d')\"; echo made", "began", 20),
    ("L06", "a line of 1 GB", "echo began; head -c 1073741824 /dev/zero | tr '\\\\0' x", "began", 30),
    ("L07", "output without end", "echo began; yes", "began", 8),
    ("L08", "TERM ignored", "echo began; trap '' TERM INT HUP; while :; do sleep 1; done", "began", 8),
    ("L10", "who watches over it is told to stop", "echo began; sleep 0.3; kill -STOP -1; kill -STOP 2; sleep 60", "began", 8),
    ("L09", "pipe kept open", "echo began; (trap '' TERM HUP; exec setsid sleep " + OWN_SLEEP + ") & exit 0", "began", 5),
]


def peak(pid):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def try_rows(rows):
    """A session that meets these one after the other, and after each a command that must work."""
    with Place() as place:
        calls = [item for number, _, command, _, seconds in rows
                 for item in (call("shell", command=command, timeout_s=seconds), call("shell", command=f"echo lives {number}"))]
        model = script(place, *calls, "Done.")
        begin = time.monotonic()
        run = subprocess.Popen([CARAT, "exec", "--output-format", "stream-json", "--max-turns", "100", "--max-tool-calls", "100", f"--set=tools.memory_megabytes={MEGABYTES}",
                                "-m", model, "go"],
                               cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        results, highest = [], 0
        for line in run.stdout:
            message = json.loads(line)
            highest = max(highest, peak(run.pid))
            if message["type"] == "user":
                results.append((message["message"]["content"][0]["content"], time.monotonic() - begin))
                begin = time.monotonic()
        run.stdout.close()
        check(run.wait(PATIENCE) == 0 and len(results) == len(calls), f"carat ended with {run.returncode} after {len(results)} results")
        # Of a workspace of 200,000 files, the most that a snapshot takes, carat needs 235 MB while it is made; else 10.
        grown = highest > (1 << 20 if b"__asan_init" in open(CARAT, "rb").read() else 300 << 10)
        sleeping = [name for name in os.listdir("/proc") if name.isdigit() and is_sleep(name)]
        subprocess.run(["rm", "-rf", place.work], check=True)  # deeper than shutil can go
        for index, (number, name, _, began, seconds) in enumerate(rows):
            text, took = results[2 * index]
            through = took > seconds + 25 and f"{took:.1f} s"
            through = through or (number == "L02" and f"(a process was killed: out of memory, limit {MEGABYTES} MiB)" not in text and text)
            through = through or ("lives" not in results[2 * index + 1][0] and f"then: {results[2 * index + 1]}") or (grown and f"carat has {highest} KiB")
            report(number, name, through or (number == "L09" and sleeping and f"left: {sleeping}"), began in text)


def case_limits():
    try_rows([row for row in ROWS if row[0] != "L02"])


def case_memory():
    """Beside the others: it takes the longest, for all of that memory is written to."""
    try_rows([row for row in ROWS if row[0] == "L02"])


def is_sleep(pid):
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read() == b"sleep\0" + OWN_SLEEP.encode() + b"\0"
    except OSError:
        return False


main(globals())
