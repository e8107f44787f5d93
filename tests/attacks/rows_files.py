#!/usr/bin/env python3
"""T and Z: what the file tools are asked for, and archives and patches that lead out of the folder they are unpacked in.

What must not be read holds the word SECRET; what must not be written holds "intact".
"""
import ctypes
import io
import random
import tarfile
import threading
import zipfile
import zlib

from rows import *

RACES = 3000


def furnish(place):
    place.outside = os.path.join(place.root, "outside")
    os.mkdir(place.outside)
    for path in (place.outside + "/secret", place.home + "/secret"):
        with open(path, "w") as file:
            file.write("SECRET intact\n")
    place.write("plain.txt", "plain words\n")
    place.write("private.txt", "SECRET intact\n")
    os.mkdir(place.work + "/folder")
    os.symlink("../outside/secret", place.work + "/link")
    os.symlink("../outside", place.work + "/link-folder")
    os.link(place.outside + "/secret", place.work + "/hard")
    os.mkfifo(place.work + "/fifo")
    place.write("caf\u00e9", "composed\n")
    place.write("cafe\u0301", "SECRET decomposed\n")


def intact(place):
    return all(open(path).read() == "SECRET intact\n" for path in (place.outside + "/secret", place.home + "/secret"))


def reading(place, path):
    return [call("read_file", path=path), call("search_files", pattern="SECRET", path=path), call("list_files", path=path)]


def writing(place, path):
    return [call("write_file", path=path, content="breached"),
            call("edit_file", path=path, old_text="intact", new_text="breached")]


DENY = ("--deny", "read_file(private.txt)", "--deny", "search_files(private.txt)", "--deny", "list_files(private.txt)")
ROWS = [  # id, what, path, more words, whether the path leads to the secret for who reads it plainly
    ("T01", "../", "../outside/secret", (), True),
    ("T02", "absolute path", "{outside}/secret", (), True),
    ("T03", "~", "~/secret", (), None),
    ("T04", "link to a file", "link", (), True),
    ("T05", "link to a folder", "link-folder/secret", (), True),
    ("T07", "hard link", "hard", (), True),
    ("T08", "FIFO", "fifo", (), None),
    ("T09", "device", "/dev/zero", (), None),
    ("T10", "/proc/self", "/proc/self/root{outside}/secret", (), True),
    ("T11", "/dev/fd/N", "/dev/fd/0", (), None),
    ("T12", "slash at the end, around a rule", "private.txt/", DENY, None),
    ("T13", "// and . around a rule", ".//folder/..//private.txt", DENY, True),
    ("T15", "path of 5,000 bytes", "folder/../" * 20 + "".join(map(str, range(1300))), (), None),
    ("T18", "folder as a file", "folder", (), None),
]


def case_paths():
    with Place() as place:
        furnish(place)
        fine = Session(place, call("read_file", path="private.txt"), call("read_file", path="plain.txt"),
                       call("edit_file", path="plain.txt", old_text="words", new_text="deeds")).whole(3)
        check("SECRET" in fine[0][0] and place.read("plain.txt") == "plain deeds\n", "the tools work, or none of this proves anything")
        check(Session(place, call("read_file", path="private.txt"), words=DENY).results[0][1], "the rule holds for the plain path")
    for words in ((), DENY):
        with Place() as place:
            furnish(place)
            rows = [(number, name, path.replace("{outside}", place.outside), leads) for number, name, path, more, leads in ROWS
                    if more == words]
            calls = [reading(place, path) + (writing(place, path) if not words else []) for _, _, path, _ in rows]
            session = Session(place, *sum(calls, []), words=words)
            results = iter(session.whole(sum(map(len, calls))))
            for (number, name, path, leads), made in zip(rows, calls):
                control = not leads or "SECRET" in open(path if path[0] == "/" else os.path.join(place.work, path)).read()
                said = [next(results) for _ in made]
                shown = [text for text, _ in said if "SECRET" in text]
                through = shown and f"read: {shown}"
                if number == "T07":  # what it holds is the workspace's too; writing it is what counts
                    through = None if shown else "the control: it can be read"
                report(number, name, through or (not intact(place) and "written"), control)
    others()


def others():
    with Place() as place:  # the twin of a name is another file
        furnish(place)
        session = Session(place, call("read_file", path="caf\u00e9"), call("edit_file", path="cafe\u0301", old_text="SECRET", new_text="x"))
        through = place.read("cafe\u0301") != "SECRET decomposed\n" or "composed" not in session.results[0][0]
        report("T17", "composed and decomposed twin", through and "the twin was changed")
    with Place() as place:  # a search of the folder in which a denied file lies
        furnish(place)
        around = [call("search_files", pattern="SECRET", path=path) for path in (".", "folder/..", place.work)]
        found, free = (Session(place, *around, words=words).whole(3) for words in (("--deny", "read_file(private.txt)"), ()))
        shown = [text for text, _ in found if "private.txt" in text]
        report("T19", "a denied file, by a search around it", shown and f"{shown}", all("private.txt" in text for text, _ in free))
    with Place() as place:  # the absolute path, and the home directory, in a rule of a file that is asked for by its name
        furnish(place)
        env = {"HOME": place.root}
        around = [call("read_file", path="private.txt"), call("search_files", pattern="SECRET", path="."),
                  call("read_file", path="../work/private.txt")]
        rules = [("--deny", f"read_file({path}/private.txt)") for path in (place.work, "~/work", place.root + "/./work", "~/work/../work")]
        rules.append(("--deny", "*(private.txt)"))
        found = [text for words in rules for text, _ in Session(place, *around, words=words, env=env).whole(3)]
        free = Session(place, *around, env=env).whole(3)
        shown = [text for text in found if "private.txt:1" in text or "denied by" not in text and "left out" not in text]
        report("T20", "a rule with the absolute path", shown and f"{shown}", "SECRET" in free[0][0] and "private.txt:1" in free[1][0])
    with Place() as place:  # a rule or a warning that knows .git knows .GIT
        furnish(place)
        run = place.carat("exec", "--mode", "auto-edit", "-m",
                          script(place, call("write_file", path="sub/.GIT/Hooks/pre-commit", content="x"), "Done."), "go", code=None)
        control = place.carat("exec", "--mode", "auto-edit", "-m",
                              script(place, call("write_file", path="sub/notes", content="x"), "Done."), "go", code=None)
        report("T16", "another case of a name", run.returncode != 55 and "it was written without a question",
               control.returncode == 0 and exists(place.work, "sub", "notes"))
    with Place() as place:
        furnish(place)
        server = Tool(place)
        found = server.call("read_file", path="plain.txt\0/../../outside/secret")
        report("T14", "NUL in a path", "SECRET" in found and found, "plain words" in server.call("read_file", path="plain.txt"))
        server.close()


class Tool:
    """carat-tool's file tools, to be asked many times."""

    def __init__(self, place):
        self.process = subprocess.Popen([TOOL, "files", "--workspace", place.work], env=place.env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.number = 0

    def call(self, name, **arguments):
        self.number += 1
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": "tools/call",
                                             "params": {"name": name, "arguments": arguments}}) + "\n")
        self.process.stdin.flush()
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self.number:
                return json.dumps(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def case_race():
    """A name that is now a file and now a link out, changed all the time while it is read and written."""
    with Place() as place:
        furnish(place)
        place.write("inside", "harmless intact\n")
        stop, seen = threading.Event(), {"link": 0, "file": 0}

        def swap():
            turn = 0
            while not stop.is_set():
                turn += 1
                spare = os.path.join(place.work, "spare")
                if turn % 2:
                    os.symlink("../outside/secret", spare)
                else:
                    with open(spare, "w") as file:
                        file.write("harmless intact\n")
                os.replace(spare, os.path.join(place.work, "inside"))
                time.sleep(random.random() / 2000)  # out of step with who reads

        server, thread, through = Tool(place), threading.Thread(target=swap), None
        thread.start()
        try:
            for number in range(10 * RACES):
                if number >= RACES and min(seen.values()) > 10:
                    break
                said = server.call("read_file", path="inside") if number % 3 else \
                    server.call("edit_file", path="inside", old_text="intact", new_text="breached")
                seen["file"] += "harmless" in said
                seen["link"] += "harmless" not in said and "edited" not in said
                if "SECRET" in said or not intact(place):
                    through = f"try {number}: {said}"
                    break
        finally:
            stop.set()
            thread.join()
            server.close()
        report("T06", f"link swapped in, {RACES} tries", through, min(seen.values()) > 10)


SWAPS = 150
RENAME_EXCHANGE = 2
AT_FDCWD = -100


def case_mounts():
    """A folder that the sandbox mounts, changed for a link out all the time while the sandbox of a command is made."""
    with Place() as place:
        furnish(place)
        freely("git init -q .; mkdir -p .git/worktrees/x; ln -s ../../../outside .git/worktrees/.y", place.work)
        names = [os.path.join(place.work, ".git", "worktrees", name) for name in ("x", ".y")]
        stop, exchange = threading.Event(), ctypes.CDLL(None, use_errno=True).renameat2

        def swap():
            while not stop.is_set():
                exchange(AT_FDCWD, names[0].encode(), AT_FDCWD, names[1].encode(), RENAME_EXCHANGE)
                time.sleep(random.random() / 500)

        look = f"for i in {' '.join(names)} {place.outside}; do [ -L $i ] || cat $i/secret; [ -L $i ] || echo breached >> $i/secret; done; echo over"
        control = freely(f"cat {names[1]}/secret", place.work).stdout
        thread, through, entered = threading.Thread(target=swap), None, 0
        thread.start()
        try:
            for number in range(SWAPS):
                run = subprocess.run([TOOL, "shell", "--workspace", place.work, "--run", "--", "sh", "-c", look], env=place.env,
                                     capture_output=True, text=True, timeout=PATIENCE)
                entered += "over" in run.stdout
                check(run.returncode in (0, 56), (run.returncode, run.stderr))
                if "SECRET" in run.stdout or not intact(place):
                    through = f"try {number}: {run.stdout}"
                    break
        finally:
            stop.set()
            thread.join()
        report("T21", f"a link swapped in while the sandbox is made, {SWAPS} times", through, "SECRET" in control and entered > 10)


WAIT_AND_WRITE = "touch started; while [ ! -e over ]; do sleep 0.05; done; echo '[evil]' >> .git/config"


def replaced(place):
    """As git does: a new file in the place of the old. The kernel takes a mount on the old one away."""
    with open(place.work + "/.git/config.lock", "w") as file:
        file.write("[core]\n")
    os.rename(place.work + "/.git/config.lock", place.work + "/.git/config")


def waits(place, job):
    """What a command that lives on made of the configuration when the host had replaced it."""
    freely("rm -rf .git over started; git init -q .", place.work)
    with open(place.root + "/policy", "w") as file:
        json.dump({"job": job}, file)
    run = subprocess.Popen([TOOL, "shell", "--workspace", place.work, "--policy", place.root + "/policy", "--run", "--", "sh", "-c", WAIT_AND_WRITE],
                           env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + PATIENCE
    while not exists(place.work, "started") and run.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    replaced(place)
    place.write("over", "")
    _, errors = run.communicate(timeout=PATIENCE)
    check(exists(place.work, "started"), errors)
    return "evil" in open(place.work + "/.git/config").read()


def case_replaced():
    """git's configuration, replaced by the host while a job has it read-only."""
    with Place() as place:
        report("T22", "git's configuration by a job, when the host has replaced it; a call that is waited for is the control",
               waits(place, True) and "it was written", waits(place, False))


# --- archives and patches ---

UNPACK = """
import os, sys, tarfile, zipfile
name = sys.argv[1]
if name.endswith(".zip"):
    for item in zipfile.ZipFile(name).infolist():
        os.makedirs(os.path.dirname(item.filename) or ".", exist_ok=True)
        open(item.filename, "wb").write(zipfile.ZipFile(name).read(item))
else:
    with tarfile.open(name) as archive:
        archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        archive.extractall(".")
"""
EXPAND = """
import zlib
expand = zlib.decompressobj()
with open("bomb", "rb") as bomb, open("expanded", "wb") as out:
    whole = bomb.read()
    for turn in range(200):
        out.write(zlib.decompress(whole))
"""


def tar(place, *members):
    with tarfile.open(os.path.join(place.work, "x.tar"), "w") as archive:
        for name, kind, target in members:
            item = tarfile.TarInfo(name)
            item.type, item.linkname = kind, target
            content = b"breached\n" if kind == tarfile.REGTYPE else b""
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))
    return "python3 unpack.py x.tar"


def slip(place, name):
    with zipfile.ZipFile(os.path.join(place.work, "x.zip"), "w") as archive:
        archive.writestr(name, "breached\n")
    return "python3 unpack.py x.zip"


def patch(place, old, new, more=""):
    place.write("x.patch", f"--- {old}\n+++ {new}\n@@ -1 +1 @@\n-SECRET intact\n+breached\n{more}")
    return "git apply --unsafe-paths -p0 x.patch"


def rename(place):
    place.write("x.patch", "diff --git a/plain.txt b/../outside/renamed\nsimilarity index 100%\nrename from plain.txt\nrename to ../outside/renamed\n")
    return "git apply --unsafe-paths x.patch"


def case_archives():
    regular, link, hard = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    rows = [
        ("Z01", "zip with ../", lambda place: slip(place, "../outside/secret")),
        ("Z02", "absolute path in an archive", lambda place: slip(place, place.outside + "/secret")),
        ("Z03", "link, then a file through it", lambda place: tar(place, ("door", link, "../outside"), ("door/secret", regular, ""))),
        ("Z04", "hard link out, then a write", lambda place: tar(place, ("near", hard, "../outside/secret")) + "; echo breached > near"),
        ("Z06", "patch of an absolute path", lambda place: patch(place, place.outside + "/secret", place.outside + "/secret")),
        ("Z07", "patch that renames to ../", rename),
    ]
    for number, name, make in rows:
        outcome = []
        for inside in (False, True):
            with Place() as place:
                furnish(place)
                place.write("unpack.py", UNPACK)
                command = make(place)
                if inside:
                    Session(place, call("shell", command=command)).whole(1)
                else:
                    freely(command, place.work)
                outcome.append(not intact(place) or exists(place.outside, "renamed"))
        report(number, name, outcome[1] and "it was written", outcome[0])
    with Place() as place:
        furnish(place)
        with open(place.work + "/bomb", "wb") as file:
            file.write(zlib.compress(b"\0" * 42_000_000, 9))
        check(os.path.getsize(place.work + "/bomb") < 42000, "a small bomb")
        place.write("expand.py", EXPAND)
        said = Session(place, call("shell", command="python3 expand.py", timeout_s=60), call("shell", command="echo lives")).whole(2)
        size = os.path.getsize(place.work + "/expanded")
        control = subprocess.run(["python3", "-c", "import zlib; print(len(zlib.decompress(open('bomb','rb').read())))"], cwd=place.work,
                                 capture_output=True, text=True).stdout
        report("Z05", "42 kB that become 8 GB", (size > (5 << 30) or said[1][0] != "lives") and f"{size} bytes, {said}", control == "42000000\n")
    with Place() as place:  # a link to another repository in a patch: no code of ours follows it
        furnish(place)
        place.write("x.patch", "diff --git a/sub b/sub\nnew file mode 160000\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n"
                               "+Subproject commit 0123456789012345678901234567890123456789\n")
        Session(place, call("shell", command="git init -q . ; git apply --index x.patch"), call("list_files"),
                call("read_file", path="sub")).whole(3)
        report("Z08", "patch of mode 0160000", not intact(place) and "written", freely("git apply --check x.patch", place.work).returncode == 0)
    with Place() as place:
        furnish(place)
        binary = "diff --git a/../outside/secret b/../outside/secret\nGIT binary patch\nliteral 9\nQcmYdfC`!vN&dAJT0Eg5G>Hq)$\n\n"
        place.write("x.patch", binary)
        said = Session(place, call("shell", command="git apply --unsafe-paths x.patch"), call("read_file", path="x.patch")).whole(2)
        report("Z09", "binary patch", not intact(place) and "written", "GIT binary patch" in said[1][0])
    with Place() as place:
        furnish(place)
        place.write("x.patch", "--- a/plain.txt\n+++ b/plain.txt\n" + "".join(f"@@ -{n} +{n} @@\n-a\n+b\n" for n in range(1_000_000)))
        start = time.monotonic()
        said = Session(place, call("read_file", path="x.patch"), call("shell", command="git apply x.patch", timeout_s=5),
                       call("shell", command="echo lives")).whole(3)
        took = time.monotonic() - start
        report("Z10", "a million hunks", (said[2][0] != "lives" or took > 60) and f"{took:.0f} s {said}", os.path.getsize(place.work + "/x.patch") > 20_000_000)


main(globals())
