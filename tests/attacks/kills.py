"""carat killed at any moment, and tool calls without end. Run as kills.py CASE BUILD-FOLDER SOURCE-FOLDER.

The moments follow from a fixed seed. CARAT_KILLS and CARAT_CALLS in the environment raise the numbers. As root the kills
are done as root and then as an ordinary user.
"""
import fcntl
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from descendants import children
from place import *
from reachable import Reachable
from world import ORDINARY_USER, identity

KILLS = int(os.environ.get("CARAT_KILLS", "60"))
CALLS = int(os.environ.get("CARAT_CALLS", "10000"))
SECONDS = 30 if "CARAT_KILLS" not in os.environ else 3600
FEWEST = 20  # on a machine so slow that the time is over first
CONTROL_GROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/pids")


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def survivors(place):
    """Processes that know the place by their arguments, environment or directory; zombies are nobody's."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            if open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[0] == "Z":
                continue
            known = open(f"/proc/{name}/cmdline", "rb").read() + open(f"/proc/{name}/environ", "rb").read()
            if place.root.encode() in known or os.readlink(f"/proc/{name}/cwd").startswith(place.root):
                found.append((int(name), known[:120]))
        except OSError:
            pass
    return found


def mounts():
    return sorted(line.split()[1] for line in open("/proc/self/mounts"))


def leftovers(place, allowed):
    names = [os.path.relpath(os.path.join(folder, name), place.root)
             for folder, folders, files in os.walk(place.root) for name in folders + files]
    return [name for name in names if not allowed.fullmatch(name)]


def locks(place):
    """Locks that somebody holds on a file of the place."""
    inodes = {os.lstat(os.path.join(folder, name)).st_ino for folder, _, names in os.walk(place.root) for name in names}
    return [line for line in open("/proc/locks") if int(line.split()[-3].split(":")[2]) in inodes]


def control_groups(pids):
    """Those of these processes: a group has its first stage's number. Another carat on the machine may have others."""
    names = {f"carat-{pid}" for pid in pids}
    return [name for folder in CONTROL_GROUPS if os.path.isdir(folder) for name in os.listdir(folder) if name in names]


def case_kills():
    """No process, mount, socket or file is left, and the store is whole, after each of many kills at any moment."""
    moments = random.Random(7)
    with Place() as place:
        place.env["TMPDIR"] = os.path.join(place.root, "tmp")
        os.mkdir(place.env["TMPDIR"])
        place.write("notes.txt", "one\n")
        def task(seconds):
            """A command that goes on for so long, and changes of files."""
            return script(place, call("shell", command=f"echo start; echo x > made.txt; (sleep 50 &) ; sleep {seconds}"),
                          call("read_file", path="notes.txt"), call("write_file", path="written.txt", content=" ".join(map(str, range(2000)))),
                          call("edit_file", path="notes.txt", old_text="one", new_text="one"), "Done.")

        model = task(0)
        place.carat("exec", "-m", model, "begin")  # makes what is made once
        task(40)
        allowed = re.compile(r"script\.json|tmp|work|work/(notes|made|written)\.txt|home|home/[a-z.-]+(/.*)?")
        files_before = {name for name in os.listdir(os.path.join(place.home, "data"))}
        running = subprocess.Popen(["sleep", "60"], cwd=place.work)
        check([pid for pid, _ in survivors(place)] == [running.pid], "a process that is left would not be seen")
        running.kill()
        running.wait()
        with open(os.path.join(place.work, "notes.txt")) as held:
            fcntl.lockf(os.open(held.name, os.O_RDWR), fcntl.LOCK_EX)
            check(len(locks(place)) == 1, "a lock that is left would not be seen")
        before, end, done, ours, grouped = mounts(), time.monotonic() + SECONDS, 0, set(), False
        while done < KILLS and (time.monotonic() < end or done < FEWEST):
            run = subprocess.Popen([CARAT, "exec", "-m", model, f"task {done}"], cwd=place.work, env=place.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, 0.25))
            ours |= {pid for pid, _ in survivors(place)}
            grouped = grouped or bool(control_groups(ours))
            run.send_signal(moments.choice([signal.SIGKILL] * 4 + [signal.SIGTERM]))
            run.wait(PATIENCE)
            for _ in range(200):
                left = survivors(place)
                if not left:
                    break
                time.sleep(0.01)
            check(not left, f"after kill {done}: still running: {left}")
            check(not locks(place), f"after kill {done}: locks {locks(place)}")
            check(mounts() == before, f"after kill {done}: mounts {mounts()}")
            check(not leftovers(place, allowed), f"after kill {done}: files {leftovers(place, allowed)}")
            check(place.root not in open("/proc/net/unix").read(), f"after kill {done}: a socket is left")
            done += 1
        database = place.database()
        check(database.execute("pragma integrity_check").fetchone() == ("ok",), "the store is damaged")
        begun = database.execute("select count(*) from conversations").fetchone()[0]
        database.close()
        task(0)
        place.carat("exec", "-m", model, "resume", "--last", "end")  # nobody who died holds it
        extra = {name for name in os.listdir(os.path.join(place.home, "data"))} - files_before
        check(not extra - {"conversations.db-wal", "conversations.db-shm"}, f"left in the data folder: {extra}")
        for _ in range(200):
            if not control_groups(ours):
                break
            time.sleep(0.01)
        check(not control_groups(ours), f"control groups are left: {control_groups(ours)}")
        check(len(ours) >= done, f"only {len(ours)} processes were seen before {done} kills, so that nothing left of them would be")
        print("control groups: " + ("made, and gone" if grouped else "none could be made here"), flush=True)
        print(f"{done} kills, {begun} conversations begun: nothing left, the store is whole", flush=True)
    if os.getuid() == 0:
        once_more_as_an_ordinary_user()


def once_more_as_an_ordinary_user():
    reachable = Reachable(BUILD, SOURCE)
    try:
        script = os.path.join(reachable.source, "tests", "attacks", "kills.py")
        subprocess.run(["/usr/bin/python3", "-B", script, "kills", reachable.build, reachable.source], cwd="/", check=True,
                       env=dict(os.environ, HOME=reachable.home), **identity(ORDINARY_USER))
    finally:
        reachable.close()


def innermost(process):
    """The carat-tool that serves, inside the sandbox: the last descendant."""
    begun, found = children(), process.pid
    while found in begun:
        found = max(begun[found])
    return found


def usage(pid):
    resident = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def slope(samples):
    """Bytes a call, by the least squares of (call, KiB)."""
    mean_x, mean_y = (sum(sample[i] for sample in samples) / len(samples) for i in range(2))
    return 1024 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / sum((x - mean_x) ** 2 for x, _ in samples)


def case_calls():
    """One tool process and many calls: its memory and descriptors stay where they are after a warm-up."""
    with Place() as place:
        for number in range(50):
            place.write(f"file{number}.txt", f"line {number}\n" * 40)
        server = subprocess.Popen([TOOL, "files", "--workspace", place.work], env=place.env, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        kinds = [("read_file", {"path": "file7.txt"}), ("list_files", {}), ("search_files", {"pattern": "line 3"}),
                 ("edit_file", {"path": "file7.txt", "old_text": "none", "new_text": "x"}), ("read_file", {"path": "../out"})]
        samples, descriptors, warm = [], set(), CALLS // 4
        for number in range(CALLS):
            name, arguments = kinds[number % len(kinds)]
            server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                                           "params": {"name": name, "arguments": arguments}}) + "\n")
            server.stdin.flush()
            while json.loads(server.stdout.readline()).get("id") != number:
                pass
            if number == 0:
                pid = innermost(server)
            if number >= warm and number % (CALLS // 50) == 0:
                resident, open_files = usage(pid)
                samples.append((number, resident))
                descriptors.add(open_files)
        server.stdin.close()
        check(server.wait(PATIENCE) == 0, "carat-tool failed")
        grown = slope(samples)
        print(f"{CALLS} calls: {grown:.1f} bytes a call, {samples[-1][1]} KiB, descriptors {sorted(descriptors)}")
        check(len(descriptors) == 1, f"descriptors: {descriptors}")
        check(grown <= (400 if CALLS < 10000 else 20), f"memory grows by {grown:.1f} bytes a call")


def case_commands():
    """Many calls in a row through carat itself, conversation after conversation in one process: memory and descriptors stay
    where they are. A conversation of long outputs comes first, for the database's cache grows until it holds 2 MB."""
    each = 50
    conversations = CALLS // 10 // each
    with Place() as place:
        for number in range(each):
            place.write(f"file{number}.txt", f"line {number}\n" * 40)
        turn = [call("read_file", path=f"file{number}.txt") for number in range(each - 1)] + [call("shell", command="echo a command"), "Done."]
        filling = [call("shell", command=f"seq {number}00000 {number}99999") for number in range(1, 16)] + ["Done."]
        model = script(place, *filling, *turn * (conversations + 2))
        place.write("prompts.jsonl", "".join(json.dumps({"prompt": f"go {number}"}) + "\n" for number in range(conversations + 3)))
        run = subprocess.Popen([CARAT, "batch", "prompts.jsonl", "-m", model, "--max-turns", "10000", "--max-tool-calls", "10000", "--max-tokens", "1000000"],
                               cwd=place.work, env=place.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        samples, held, done = [], [], -3 * each  # the filling, and two like all others
        for line in run.stdout:
            check("Done." in line, line)
            done += each
            if done >= 0:
                resident, open_files = usage(run.pid)
                samples.append((done, resident))
                held.append(open_files)
        check(run.wait(PATIENCE) == 0 and done == conversations * each, f"carat ended with {run.returncode} after {done} calls")
        middle = len(samples) // 2
        grown = min(slope(samples[:middle]), slope(samples[middle:]))  # a leak shows in both halves, a step of the heap in one
        print(f"{done} calls in {conversations} conversations: {grown:.1f} bytes a call, {samples[-1][1]} KiB, descriptors {min(held)} to {max(held)}")
        half = len(held) // 2  # a conversation that ends or begins holds some more for a moment
        check(min(held[half:]) <= min(held[:half]) and max(held) < min(held) + 20, f"descriptors: {held}")
        # Of few calls one step of 64 KiB in each half is no leak, and up to 200 bytes a call.
        check(grown <= (200 if CALLS < 30000 else 20), f"memory grows by {grown:.1f} bytes a call: {samples}")


def peak(pid):
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
    except (OSError, AttributeError):  # it is gone, or a zombie
        return 0


def case_gigabyte():
    """1 GiB of a command's output costs carat at most 8 MB more than 1 kB does."""
    highest = []
    with Place() as place:
        for source in ("yes lantern | head -c 1000", "yes lantern | head -c 1073741824", "head -c 1073741824 /dev/zero"):
            model = script(place, call("shell", command=f"{source}; echo; echo the end"), "Done.")
            begin = time.monotonic()
            run = subprocess.Popen([CARAT, "exec", "--json", "-m", model, "go"], cwd=place.work, env=place.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            seen, most = "", 0
            for line in run.stdout:
                seen, most = seen + line[-2000:], max(most, peak(run.pid))
            check(run.wait(PATIENCE) == 0 and "the end" in seen and "Done." in seen and most > 0, (run.returncode, most, seen[-3000:]))
            highest.append(most)
        print(f"1 GiB: {time.monotonic() - begin:.1f} s, {highest[1]} KiB, of zeros {highest[2]} KiB, with 1 kB {highest[0]} KiB", flush=True)
        check(max(highest) <= highest[0] + 8192, f"KiB: {highest}")


def case_listens_nowhere():
    """A session listens on no port and asks for no connection outside; its children are counted too."""
    with Place() as place:
        model = script(place, call("shell", command="echo working; sleep 1"), "Done.")
        run = subprocess.Popen([CARAT, "exec", "-m", model, "go"], cwd=place.work, env=place.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sockets = 0
        while run.poll() is None:
            try:
                for name in os.listdir(f"/proc/{run.pid}/fd"):
                    target = os.readlink(f"/proc/{run.pid}/fd/{name}")
                    inode = re.fullmatch(r"socket:\[(\d+)\]", target)
                    if inode:
                        sockets += 1
                        for table in ("tcp", "tcp6", "udp", "udp6", "raw", "packet"):
                            check(not any(inode.group(1) in line.split() for line in open(f"/proc/net/{table}")),
                                  f"a {table} socket is open")
            except OSError:
                pass
            time.sleep(0.02)
        check(run.returncode == 0, "carat failed")
        with socket.socket() as control:  # that the look would have seen one
            control.bind(("127.0.0.1", 0))
            control.listen(1)
            inode = re.search(r"\d+", os.readlink(f"/proc/self/fd/{control.fileno()}")).group()
            check(any(inode in line.split() for line in open("/proc/net/tcp")), "the table does not show a listener")


main(globals())
