"""The processes that a test has begun, and those that these have: what runs beside the test on the machine is not its own."""
import ctypes
import os
import time

PR_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h


def adopt_orphans():
    """From now on a descendant that loses its parent becomes a child of this process, and so is found all the same."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise AssertionError("PR_SET_CHILD_SUBREAPER was refused")


def children():
    """The processes that each process has begun and that still are there: their numbers, by the parent's."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.setdefault(int(open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
        except OSError:
            pass
    return found


def proxies():
    """The proxies among this process's descendants."""
    begun, found, look = children(), [], [os.getpid()]
    while look:
        pid = look.pop()
        look += begun.get(pid, [])
        try:
            if b"--\0proxy" in open(f"/proc/{pid}/cmdline", "rb").read():
                found.append(pid)
        except OSError:
            pass
    return found


def proxies_come(wanted):
    """Whether a proxy is there (True) or none is (False), within a minute."""
    end = time.monotonic() + 60
    while bool(proxies()) != wanted:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
