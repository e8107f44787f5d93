#!/usr/bin/env python3
"""Every case of walls.c, without the sandbox and inside it: walls.py CARAT-TOOL WALLS-PROGRAM.

Without: the attempt must succeed where this machine allows it to anyone (the positive control; the few that the machine
itself forbids are named). Inside: it must fail, and the world outside must be as it was: files, listeners, processes.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOOL, WALLS = (os.path.abspath(path) for path in sys.argv[1:3])

# A machine may refuse these to everybody (a container, a kernel without the feature); then the control proves nothing and the
# case counts only inside. Each is printed.
MACHINE_MAY_REFUSE = {"mount_tmpfs", "new_user_namespace", "core_pattern", "read_shadow", "vsock", "bpf", "io_uring",
                      "user_fault", "keyring", "multipath_tcp", "kobject_netlink"}


# These work inside too, on a private copy of the thing; that nothing arrives outside is what counts.
PRIVATE_COPY = {"host_tmp", "udp"}
KILLED_BY_FILTER = 128 + signal.SIGSYS


class World:
    """What lies outside: a folder with a victim and a secret, a home, listeners, a process to attack."""

    def __init__(self):
        # Not under /tmp, which the sandbox hides anyway: these must be safe for other reasons.
        self.root = tempfile.mkdtemp(prefix="carat-walls-", dir="/var/lib" if os.getuid() == 0 else os.path.expanduser("~"))
        self.outside = os.path.join(self.root, "outside")
        self.work = os.path.join(self.root, "work")
        self.home = os.path.join(self.root, "home")
        for folder in (self.outside, self.work, self.home, self.work + "/.git", self.work + "/.git/hooks"):
            os.mkdir(folder)
        self.write(self.outside + "/victim", "intact\n")
        self.write(self.home + "/secret", "secret\n")
        self.write(self.work + "/.git/config", "[core]\n")
        shutil.copy(WALLS, self.work + "/walls")
        self.tcp, self.udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.bind(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp.bind(("127.0.0.1", self.port))
        self.path, self.abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.path.bind(self.outside + "/socket")
        self.abstract.bind(f"\0carat-walls-{self.port}")
        for listener in (self.tcp, self.path, self.abstract):
            listener.listen(16)
        for listener in (self.tcp, self.udp, self.path, self.abstract):
            listener.setblocking(False)
        self.env = dict(os.environ, HOME=self.home, WALLS_SECRET="x")
        self.victim = subprocess.Popen(["sleep", "600"], env=self.env)

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def reached(self):
        """Listeners that somebody reached since the last look."""
        found = []
        for name, listener in (("tcp", self.tcp), ("path", self.path), ("abstract", self.abstract)):
            try:
                listener.accept()[0].close()
                found.append(name)
            except BlockingIOError:
                pass
        try:
            self.udp.recv(64)
            found.append("udp")
        except BlockingIOError:
            pass
        return found

    def state(self):
        victim = self.outside + "/victim"
        status = os.stat(victim) if os.path.exists(victim) else None
        return {
            "victim": (open(victim).read(), status.st_mode, status.st_mtime) if status else None,
            "outside": sorted(os.listdir(self.outside)),
            "config": open(self.work + "/.git/config").read(),
            "hooks": os.listdir(self.work + "/.git/hooks"),
            "tmp": os.path.exists("/tmp/carat-walls-breach"),
            "alive": self.victim.poll() is None,
        }

    def clean(self):
        for name in ("inside", "linked", "way-out", "program", "program2", "huge", "heartbeat"):
            try:
                os.unlink(os.path.join(self.work, name))
            except FileNotFoundError:
                pass

    def close(self):
        self.victim.kill()
        self.victim.wait()
        for listener in (self.tcp, self.udp, self.path, self.abstract):
            listener.close()
        if os.path.exists("/tmp/carat-walls-breach"):
            os.unlink("/tmp/carat-walls-breach")
        shutil.rmtree(self.root)


def run_free(case):
    """Without the sandbox, in a world of its own, which it may break."""
    world = World()
    try:
        inherited = os.open(world.outside + "/victim", os.O_WRONLY)
        os.dup2(inherited, 77, inheritable=True)
        run = subprocess.run([world.work + "/walls", case, world.outside, str(world.port), str(world.victim.pid)],
                             cwd=world.work, env=world.env, pass_fds=(77,), timeout=30,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(77)
        os.close(inherited)
        if case == "daemon_left":
            subprocess.run(["pkill", "-KILL", "-f", world.work + "/walls"])
        return run.returncode == 0
    finally:
        world.close()


def run_inside(world, case):
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "shell", "arguments": {
        "command": f"./walls {case} {world.outside} {world.port} {world.victim.pid}"}}}
    inherited = os.open(world.outside + "/victim", os.O_WRONLY)
    os.dup2(inherited, 77, inheritable=True)
    run = subprocess.run([TOOL, "shell", "--workspace", world.work], input=json.dumps(request) + "\n", text=True,
                         capture_output=True, env=world.env, pass_fds=(77,), timeout=60)
    os.close(77)
    os.close(inherited)
    if run.returncode != 0:
        raise SystemExit(f"{case}: carat-tool failed: {run.stderr}")
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    return [answer for answer in answers if answer.get("id") == 1][0]["result"]["structuredContent"]


def main():
    cases = subprocess.run([WALLS, "--list"], capture_output=True, text=True, check=True).stdout.split()
    wrong, machine = [], []
    world = World()
    before = world.state()
    try:
        for case in cases:
            if not run_free(case):
                (machine if case in MACHINE_MAY_REFUSE else wrong).append(f"{case}: no effect even without the sandbox")
            result = run_inside(world, case)
            if case == "daemon_left":
                time.sleep(0.3)
                size = os.path.getsize(world.work + "/heartbeat") if os.path.exists(world.work + "/heartbeat") else 0
                time.sleep(0.5)
                after = os.path.getsize(world.work + "/heartbeat") if os.path.exists(world.work + "/heartbeat") else 0
                if after != size:
                    wrong.append(f"{case}: it lives on")
            elif result["exit_code"] not in (1, KILLED_BY_FILTER) and case not in PRIVATE_COPY:
                wrong.append(f"{case}: got through, or did not run: {result}")
            reached, now = world.reached(), world.state()
            if reached or now != before:
                wrong.append(f"{case}: reached {reached}, state {now}")
                break
            world.clean()
    finally:
        world.close()
    for line in machine:
        print("this machine refuses it to all:", line)
    print(f"{len(cases)} cases, {len(wrong)} wrong")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
