"""What lies outside of the sandbox, and how one attack is tried: freely and inside.

A World is a folder with a victim file, a secret, a home, carat's state, a workspace with repositories, listeners, a process
and a terminal; `state` and `reached` say from outside what an attack did to them. It may belong to root or, when the test
runs as root, to an ordinary user, as whom everything is then run.
"""
import fcntl
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
import time

ORDINARY_USER = 54321  # no account has it, which is fine for the kernel
PATIENCE = 60
FILE_HANDED_ON, FOLDER_HANDED_ON = 77, 78


def identity(user):
    """Arguments of subprocess that make it run as that user; None is ourselves."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def base_folder():
    # Not under /tmp, which the sandbox hides anyway: what lies here must be safe for other reasons.
    return "/var/lib" if os.getuid() == 0 else os.path.expanduser("~")


class Programs:
    """Copies of carat-tool, the attack program and what is preloaded, where an ordinary user can reach them."""

    def __init__(self, tool, attack, *others):
        self.folder = tempfile.mkdtemp(prefix="carat-walls-", dir=base_folder())
        os.chmod(self.folder, 0o755)
        self.tool, self.attack, *self.others = [shutil.copy(path, self.folder) for path in (tool, attack, *others)]

    def names(self):
        return subprocess.run([self.attack, "--list"], capture_output=True, text=True, check=True).stdout.split()

    def close(self):
        shutil.rmtree(self.folder)


class World:
    def __init__(self, programs, user=None):
        self.programs, self.user = programs, user
        self.root = tempfile.mkdtemp(prefix="carat-walls-", dir=base_folder())
        os.chmod(self.root, 0o755)
        self.outside, self.work, self.home, self.private = (os.path.join(self.root, name)
                                                            for name in ("outside", "work", "home", "state"))
        for folder in (self.outside, self.work, self.home, self.private, self.work + "/tree"):
            os.makedirs(folder)
        for repository in (self.work, self.work + "/sub/inner"):
            os.makedirs(repository + "/.git/hooks")
            self.write(repository + "/.git/config", "[core]\n")
        self.write(self.work + "/tree/.git", "gitdir: ../.git/worktrees/tree\n")
        self.write(self.outside + "/victim", "intact\n")
        self.write(self.home + "/secret", "secret\n")
        self.write(self.home + "/.bashrc", "intact\n")
        self.write(self.private + "/conversations.db", "a conversation\n")
        self.write(self.private + "/conversations.db-shm", "shared\n")
        self.write(self.root + "/policy.json", json.dumps({"hidden": [self.private], "limits": {"memory_bytes": 512 << 20, "processes": 256}}))
        self.copy = shutil.copy(programs.attack, self.work + "/attack")
        self.listen()
        self.drop_shared_memory()  # of a run that was killed
        self.breaches = [f"{folder}/carat-walls-{self.port}" for folder in ("/tmp", "/dev/shm")]
        if user is not None:
            for folder, folders, files in os.walk(self.root):
                for name in [folder] + [os.path.join(folder, name) for name in folders + files]:
                    os.lchown(name, user, user)
        self.terminal, self.line = os.openpty()
        os.set_blocking(self.terminal, False)
        if user is not None:
            os.fchown(self.line, user, user)
        self.env = dict(os.environ, HOME=self.home, WALLS_SECRET="x")
        self.victim = subprocess.Popen([self.copy, "--victim", self.outside], env=self.env, cwd=self.root,
                                       stdout=subprocess.PIPE, text=True, **identity(user))
        self.address = self.victim.stdout.readline().strip()
        self.before = self.state()

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def listen(self):
        while True:
            self.tcp, self.udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.port = random.randrange(20000, 30000)  # below those that the kernel hands out by itself
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                self.udp.bind(("127.0.0.1", self.port))
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", self.port + 1))
                break
            except OSError:
                self.tcp.close()
                self.udp.close()
        self.path, self.abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.letters = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path.bind(self.outside + "/socket")
        self.letters.bind(self.outside + "/letters")
        self.abstract.bind(f"\0carat-walls-{self.port}")
        for listener in (self.tcp, self.path, self.abstract):
            listener.listen(16)
        for listener in (self.tcp, self.udp, self.path, self.letters, self.abstract):
            listener.setblocking(False)

    # --- looking ---

    def reached(self):
        """What somebody reached since the last look: listeners, the terminal, shared memory."""
        found = []
        for name, listener in (("tcp", self.tcp), ("path", self.path), ("abstract", self.abstract)):
            try:
                listener.accept()[0].close()
                found.append(name)
            except BlockingIOError:
                pass
        for name, listener in (("udp", self.udp), ("letters", self.letters)):
            try:
                listener.recv(64)
                found.append(name)
            except BlockingIOError:
                pass
        if select.select([self.terminal], [], [], 0)[0]:
            os.read(self.terminal, 4096)
            found.append("terminal")
        if self.drop_shared_memory():
            found.append("shared memory")
        return found

    def drop_shared_memory(self):
        """Whether there was the segment that an attack makes."""
        key = str(0x57000000 + self.port)
        there = any(line.split()[0] == key for line in open("/proc/sysvipc/shm"))
        if there:
            subprocess.run(["ipcrm", "-M", key], check=True)
        return there

    def file(self, *names):
        path = os.path.join(self.root, *names)
        try:
            status = os.lstat(path)
            return open(path).read(), status.st_mode, status.st_mtime, status.st_ctime_ns, status.st_nlink
        except OSError as error:
            return error.errno

    def state(self):
        """All that an attack may not change."""
        process = f"/proc/{self.victim.pid}"
        alive = self.victim.poll() is None
        return {
            "victim": self.file("outside", "victim"),
            "outside": sorted(os.listdir(self.outside)),
            "home": self.file("home", ".bashrc"),
            "state": self.file("state", "conversations.db"),
            "repositories": {name: (self.file("work", name, ".git", "config"), self.names("work", name, ".git", "hooks"))
                             for name in (".", "sub/inner")},
            "worktree": self.file("work", "tree", ".git"),
            "tmp": [os.path.exists(path) for path in self.breaches],
            "alive": alive,
            "limits": open(process + "/limits").read() if alive else None,
            "priority": os.getpriority(os.PRIO_PROCESS, self.victim.pid) if alive else None,
            "processors": os.sched_getaffinity(self.victim.pid) if alive else None,
        }

    def names(self, *path):
        try:
            return sorted(os.listdir(os.path.join(self.root, *path)))
        except OSError as error:
            return error.errno

    def changes(self):
        now = self.state()
        return [name for name in now if now[name] != self.before[name]]

    # --- trying ---

    def start(self, command, case, **more):
        def own_terminal():
            os.setsid()
            fcntl.ioctl(self.line, termios.TIOCSCTTY, 0)

        file = os.open(self.outside + "/victim", os.O_WRONLY | os.O_APPEND)
        folder = os.open(self.outside, os.O_RDONLY | os.O_DIRECTORY)
        os.dup2(file, FILE_HANDED_ON, inheritable=True)
        os.dup2(folder, FOLDER_HANDED_ON, inheritable=True)
        try:
            taken = Taken(self.port + 1) if case == "take_port" else None
            process = subprocess.Popen(command, cwd=self.work, pass_fds=(FILE_HANDED_ON, FOLDER_HANDED_ON, self.line),
                                       preexec_fn=own_terminal, **identity(self.user), **more)
            return process, taken
        finally:
            for fd in (file, folder, FILE_HANDED_ON, FOLDER_HANDED_ON):
                os.close(fd)

    def words(self, case):
        return [case, self.outside, str(self.port), str(self.victim.pid), self.address, os.ttyname(self.line)]

    def try_free(self, case):
        """Without the sandbox: whether the attack had its effect."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process, taken = self.start([self.copy, *self.words(case)], case, env=self.env, **quiet)
        through = process.wait(PATIENCE) == 0
        if case == "daemon_left":
            through = self.heart_beats(PATIENCE)
        if taken is not None:
            through = taken.finish()
        return through

    def try_inside(self, case, env=None):
        """Inside: None when the attack had no effect, else what it did. A tool that could not run it is an error."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "shell", "arguments": {
            "command": " ".join(["./attack", *self.words(case)])}}}
        process, taken = self.start([self.programs.tool, "shell", "--workspace", self.work, "--policy",
                                     self.root + "/policy.json"], case, env=dict(self.env, **(env or {})), text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(json.dumps(request) + "\n", PATIENCE)
        answers = [json.loads(line) for line in output.splitlines()]
        results = [answer["result"] for answer in answers if answer.get("id") == 1]
        if process.returncode != 0 or len(results) != 1:
            raise SystemExit(f"{case}: carat-tool ended with {process.returncode}: {output} {errors}")
        code = results[0]["structuredContent"].get("exit_code")
        done = self.reached() + self.changes()
        if case == "daemon_left":
            done += ["lives on"] if self.heart_beats(0.35) else []
        elif taken is not None:
            done += ["port taken"] if taken.finish() else []
        elif code == 0 and case not in PRIVATE_COPY:
            done.append("says so")
        elif code not in (0, 1, 128 + signal.SIGSYS):
            raise SystemExit(f"{case}: did not run inside: {results[0]}")
        return done or None

    def heart_beats(self, seconds):
        """Whether anybody writes on within that time."""
        path, end = self.work + "/heartbeat", time.monotonic() + seconds
        before = size = os.path.getsize(path) if os.path.exists(path) else 0
        while size == before and time.monotonic() < end:
            time.sleep(0.05)
            size = os.path.getsize(path) if os.path.exists(path) else 0
        return size != before

    def clean(self):
        """What an attack may do inside the workspace, taken back."""
        for name in ("inside", "linked", "way-out", "program", "program2", "huge", "heartbeat", "node"):
            try:
                os.unlink(os.path.join(self.work, name))
            except FileNotFoundError:
                pass

    def close(self):
        self.drop_shared_memory()
        self.victim.kill()
        self.victim.wait()
        self.victim.stdout.close()
        for name in os.listdir("/proc"):  # a daemon of an attack that got through
            try:
                if name.isdigit() and os.readlink(f"/proc/{name}/exe") == self.copy:
                    os.kill(int(name), signal.SIGKILL)
            except OSError:
                pass
        for listener in (self.tcp, self.udp, self.path, self.letters, self.abstract):
            listener.close()
        os.close(self.terminal)
        os.close(self.line)
        for path in self.breaches:
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree(self.root)


# These work inside too, on a private copy of the thing; that nothing arrives outside is what counts.
PRIVATE_COPY = {"host_tmp", "host_shared_memory_file", "udp"}


class Taken:
    """Whether anybody listens on a port while an attack runs."""

    def __init__(self, port):
        self.port, self.seen, self.ended = port, False, False
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.ended and not self.seen:
            with socket.socket() as knock:
                self.seen = knock.connect_ex(("127.0.0.1", self.port)) == 0
            time.sleep(0.01)

    def finish(self):
        self.ended = True
        self.thread.join()
        return self.seen


def controls(programs, user):
    """Each case in a free world of its own, which it may break: the names of those that work here."""
    working = []
    for case in programs.names():
        world = World(programs, user)
        try:
            if world.try_free(case):
                working.append(case)
        finally:
            world.close()
    return working


def breaches(programs, user, cases, env=None):
    """Each case inside: name -> what it did. A world that was breached is made anew."""
    found = {}
    world = World(programs, user)
    try:
        for case in cases:
            done = world.try_inside(case, env(world) if env is not None else None)
            if done is not None:
                found[case] = done
                world.close()
                world = World(programs, user)
            world.clean()
    finally:
        world.close()
    return found


def refusal(programs, env):
    """Exit status and words of carat-tool when it is to run one harmless command."""
    world = World(programs)
    try:
        run = subprocess.run([programs.tool, "shell", "--workspace", world.work, "--run", "--", "true"],
                             env=dict(world.env, **env), capture_output=True, text=True, timeout=PATIENCE)
        return run.returncode, run.stderr
    finally:
        world.close()


def users():
    """Who tries: (name, uid for World)."""
    return [("root", None), ("an ordinary user", ORDINARY_USER)] if os.getuid() == 0 else [("an ordinary user", None)]
