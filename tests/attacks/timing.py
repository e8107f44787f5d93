#!/usr/bin/env python3
"""How long the sandbox takes to start, and which calls of the network an offline session makes: timing.py CASE BUILD SOURCE.

CARAT_STARTS in the environment is how often the sandbox is started.
"""
from terminal import *

STARTS = int(os.environ.get("CARAT_STARTS", "60"))


def spread(seconds):
    """The median, the 95th and 99th percentile and the worst, in milliseconds."""
    seconds = sorted(seconds)
    return ", ".join(f"{name} {1000 * seconds[min(len(seconds) - 1, int(len(seconds) * part))]:.1f} ms"
                     for name, part in (("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1)))


def case_start():
    """How long the sandbox takes to start: a command inside, less the same command outside."""
    with Place() as place:
        def run(*words):
            begin = time.monotonic()
            check(subprocess.run(words, cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0, words)
            return time.monotonic() - begin
        inside = [run(TOOL, "shell", "--workspace", place.work, "--run", "--", "/bin/true") for _ in range(STARTS)]
        outside = [run("/bin/true") for _ in range(STARTS)]
    print(f"{STARTS} starts: inside {spread(inside)}; the command alone {spread(outside)}")


def case_offline():
    """An offline session as the kernel sees it: no socket of the internet's families is even asked for, by anybody."""
    with Place() as place:
        def trace(*words):
            path = os.path.join(place.root, "trace")
            run = subprocess.run(["strace", "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", path, *words], cwd=place.work,
                                 env=place.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
            with open(path, errors="replace") as file:
                return run, [line.split(None, 1)[1].strip() for line in file if "(" in line]

        control, lines = trace("python3", "-c", "import socket; socket.socket().connect_ex(('127.0.0.1', 9))")
        check(any("AF_INET" in line for line in lines) and any(line.startswith("connect") for line in lines), (control.stderr, lines))
        place.write("notes.txt", "one\n")
        run, lines = trace(CARAT, "exec", "what is 17 * 23")
        check(run.returncode == 0 and "391" in run.stdout, (run.stdout, run.stderr))
        more, others = trace(CARAT, "exec", "-m", script(place, call("read_file", path="notes.txt"), call("write_file", path="b", content="x"), "Done."), "go")
        check(more.returncode == 0, more.stderr)
        lines += others
        # The C library asks a local service for names of users; bubblewrap brings up the loopback of an empty namespace.
        odd = [line for line in lines if "AF_INET" in line or line.startswith(("listen", "accept"))
               or (line.startswith("connect") and 'sun_path="/var/run/nscd/socket"' not in line) or (line.startswith("bind") and "AF_NETLINK" not in line)]
        print(f"{len(lines)} calls that have to do with sockets, none of them of the internet's families: {sorted({line.split('(')[0] for line in lines})}")
        check(len(lines) > 0 and not odd, "\n".join(odd))


main(globals())
