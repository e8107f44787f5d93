"""carat on a pseudo terminal whose bytes are all kept, for what tmux would swallow or answer itself."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from rows import *


class Terminal:
    def __init__(self, place, *words, columns=100, rows=40, env=None):
        self.output = b""
        self.columns, self.rows = columns, rows
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(place.work)
            os.environ.clear()
            os.environ.update(place.env, TERM="xterm-256color", **(env or {}))
            time.sleep(0.05)  # until the size is set
            os.execv(words[0], list(words))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def take(self, seconds=0.05):
        """What came within that time; False when the other side is gone."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += piece
        return bool(piece)

    def take_all(self, quiet=0.3):
        """Until nothing comes any more for so long, so that the output does not end within a sequence."""
        size = -1
        while size != len(self.output):
            size = len(self.output)
            self.take(quiet)

    def wait(self, *wanted, since=0):
        """Until one of these stands in the output; which."""
        end = time.monotonic() + PATIENCE
        while True:
            for word in wanted:
                if word in self.output[since:]:
                    return word
            if not self.take() or time.monotonic() > end:
                raise AssertionError(f"waited for {wanted}; the last of the output: {self.output[-1500:]!r}")

    def send(self, bytes):
        os.write(self.fd, bytes)

    def ended(self, seconds):
        """The wait status, or None while it runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take(0.01)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = None
                while self.take(0.02) and select.select([self.fd], [], [], 0.02)[0]:
                    pass
                return status
        return None

    def close(self):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd is not None:
            os.close(self.fd)


def freely_shown(*words):
    """The bytes that a program's output makes on a terminal, to know that a look would see them."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(words[0], list(words))
    output = b""
    try:
        while piece := os.read(fd, 65536):
            output += piece
    except OSError:
        pass
    os.waitpid(pid, 0)
    os.close(fd)
    return output
