#!/usr/bin/env python3
"""One call fails, in every place: faults.py CASE BUILD SOURCE FAULT-LIBRARY.

Scenarios of the real program run again and again, and each time the n-th allocation (case memory) or the n-th call on a file
(case files) fails, once or from there on. Whatever fails: no signal, no hang, a documented exit status, a sentence when it is
not 0, no process and no temporary file left, a whole store, and nothing lost that was there or was acknowledged by an event.

CARAT_FAULTS in the environment is the number of runs, spread over scenarios and places by a fixed seed. CARAT_FAULT_ONLY
names one scenario.
"""
import errno
import os
import random
import re
import struct
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attacks"))
from rows import *

FAULT = os.path.abspath(sys.argv[4])
FAULTS = int(os.environ.get("CARAT_FAULTS", "400"))
ONLY = os.environ.get("CARAT_FAULT_ONLY")
CODES = (0, 1, 2, 42, 53, 54, 55, 56, 57, 65)
SLOW = 60  # seconds; longer is a hang
FILES = ("read", "write", "open", "close", "fsync", "rename", "truncate", "mmap", "make")
ERRORS = {"read": (errno.EIO, errno.EINTR, "short"), "write": (errno.ENOSPC, errno.EIO, errno.EINTR, "short"),
          "open": (errno.EIO, errno.ENOSPC, errno.EMFILE), "close": (errno.EIO, errno.EINTR), "fsync": (errno.EIO, errno.ENOSPC),
          "rename": (errno.EIO, errno.ENOSPC), "truncate": (errno.EIO, errno.ENOSPC), "mmap": (errno.ENOMEM,), "make": (errno.ENOSPC, errno.EIO)}
UNFINISHED = re.compile(r"home/state/undo/N/(open|apply)")  # notes of a turn and of an undo, which the next run closes and finishes
SCHEMA = '{"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"], "additionalProperties": false}'
TASK = (call("read_file", path="notes.txt"), call("edit_file", path="notes.txt", old_text="two", new_text="zwei"),
        call("write_file", path="made.txt", content="x\n"), call("shell", command="echo lantern; echo y > by_command.txt"), "Done.<turn|>")


class Scenario:
    """What is run, what it prints when nothing fails, what it reads; `tells`: what stands before the reason when something does."""

    def __init__(self, name, *words, said="", stdin=None, turns=None, config="", tells="carat: "):
        self.name, self.words, self.said, self.stdin, self.turns, self.config, self.tells = name, words, said, stdin, turns, config, tells


def line(text):
    return json.dumps({"type": "user", "message": {"role": "user", "content": text}}) + "\n"


SCENARIOS = [
    Scenario("answer", "exec", "--json", "go", turns=["Done.<turn|>"], said="Done."),
    Scenario("tools", "exec", "--json", "go", turns=TASK, said="Done."),
    Scenario("resume", "exec", "resume", "--last", "--json", "go", turns=["Done.<turn|>"], said="Done."),
    Scenario("embedded", "exec", "--json", "what is 17 * 23", said="turn.completed"),
    Scenario("settings", "exec", "--json", "--no-tools", "go", turns=["Done.<turn|>"], said="Done.",
             config='[tools]\nhosts = ["example.org"]\n\n[undo]\nmegabytes = 10\n\n[[hooks]]\nevent = "before_tool"\ncommand = "true"\n'),
    Scenario("schema", "exec", "--schema", SCHEMA, "go", turns=['{"done": true}<turn|>'], said="true"),
    Scenario("stream", "exec", "--input-format", "stream-json", "--json", stdin=line("a") + line("b"), turns=["Done.<turn|>", "Done.<turn|>"], said="Done."),
    Scenario("batch", "batch", "prompts.jsonl", turns=["Done.<turn|>", "Done.<turn|>"], said="Done."),
    Scenario("batch_to_file", "batch", "prompts.jsonl", "-o", "answers.jsonl", turns=["Done.<turn|>", "Done.<turn|>"]),
    Scenario("result", "exec", "--json", "-o", "answer.txt", "go", turns=[call("shell", command="seq 1 9000"), "Done.<turn|>"], said="Done."),
    Scenario("sessions", "sessions", said="A title"),
    Scenario("search", "search", "lantern", said="lantern"),
    Scenario("rename", "rename", "last", "Another title"),
    Scenario("fork", "fork", "last"),
    Scenario("export", "export", "last", "--format", "json", said="lantern"),
    Scenario("export_to_file", "export", "last", "--format", "html", "-o", "exported.html"),
    Scenario("import", "import", "codex.jsonl"),
    Scenario("check", "store", "check", said="0 problems", tells="1 problems"),
    Scenario("undo_list", "undo", "--list"),
    Scenario("undo", "undo"),
    Scenario("render", "render", stdin='{"messages": [{"role": "user", "content": "hello"}]}\n'),
    Scenario("parse", "parse", stdin=call("shell", command="ls") + "<turn|>", said="shell"),
    Scenario("policy", "policy", "why", "shell(git status)"),
    Scenario("sandbox_status", "sandbox", "status", tells="sandbox  "),
    Scenario("sandbox_command", "sandbox", "--", "echo", "lantern", said="lantern"),
    Scenario("models", "models"),
    Scenario("help", "--help", said="usage"),
    Scenario("manual", "manual", said=".TH"),
    Scenario("config", "config", "example", said="#"),
    Scenario("completion", "completion", "bash", said="complete"),
]


def prepare(place, scenario):
    """A place where something has been done already, so that there is something to lose."""
    place.env["TMPDIR"] = os.path.join(place.root, "tmp")
    os.mkdir(place.env["TMPDIR"])
    place.write("notes.txt", "one\ntwo\n")
    place.write("prompts.jsonl", '{"prompt": "a"}\n{"prompt": "b"}\n')
    place.write("codex.jsonl", json.dumps({"timestamp": "2025-01-01T00:00:00Z", "type": "session_meta", "payload": {"id": "x", "cwd": "/w"}}) + "\n" + "".join(
        json.dumps({"timestamp": "2025-01-01T00:00:01Z", "type": "response_item", "payload": {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}}) + "\n"
        for role, kind, text in (("user", "input_text", "hello"), ("assistant", "output_text", "river"))))
    place.carat("exec", "-m", script(place, *TASK), "begin")
    place.carat("rename", "last", "A title")
    place.carat("search", "lantern")
    with open(os.path.join(place.home, "config.toml"), "w") as file:
        file.write(scenario.config)
    return script(place, *scenario.turns) if scenario.turns else None


def names(place):
    """All files, with what is different in each run taken out."""
    found = set()
    for folder, folders, files in os.walk(place.root):
        for name in folders + files:
            path = os.path.relpath(os.path.join(folder, name), place.root)
            found.add(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24,}|objects/..|\d{6}", "N", path))
    return found - {"home/data/conversations.db-wal", "home/data/conversations.db-shm"}


def kept(place):
    database = place.database()
    try:
        check(database.execute("pragma integrity_check").fetchone() == ("ok",), "the store is damaged")
        return set(database.execute("select conversation, ordinal, hash from messages")), [row[0] for row in database.execute("select text from messages")]
    finally:
        database.close()


def left_running(place):
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(name) != os.getpid() and place.root.encode() in open(f"/proc/{name}/environ", "rb").read() \
                    and open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
                found.append((name, open(f"/proc/{name}/cmdline").read()[:100]))
        except OSError:
            pass
    return found


class Tried:
    """One scenario in one place, brought back to how it was before each run."""

    def __init__(self, scenario, program="carat"):
        self.scenario, self.program = scenario, program
        self.place = Place().__enter__()
        self.model = prepare(self.place, scenario)
        self.count = os.path.join(self.place.root + ".count")
        shutil.copytree(self.place.root, self.place.root + ".before", symlinks=True)
        self.rows, _ = kept(self.place)
        self.files = names(self.place)

    def close(self):
        shutil.rmtree(self.place.root + ".before")
        if os.path.exists(self.count):
            os.unlink(self.count)
        self.place.__exit__()

    def run(self, kinds, at, error=None, lasting=False, limits=None):
        """How it ended; the numbers of calls of these kinds and of those that failed."""
        shutil.rmtree(self.place.root)
        shutil.copytree(self.place.root + ".before", self.place.root, symlinks=True)
        with open(self.count, "wb") as file:
            file.write(bytes(16))
        env = dict(self.place.env, LD_PRELOAD=FAULT, FAULT_PROGRAM=self.program, FAULT_KINDS=kinds, FAULT_AT=str(at),
                   FAULT_COUNT=self.count)
        env.update({"FAULT_ERROR": str(error)} if error is not None else {}, **({"FAULT_FROM": "1"} if lasting else {}))
        words = [CARAT, *(["-m", self.model] if self.model else []), *self.scenario.words]
        process = subprocess.Popen(words, cwd=self.place.work, env=env, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.PIPE if self.scenario.stdin is not None else subprocess.DEVNULL, preexec_fn=limits)
        try:
            out, err = process.communicate(self.scenario.stdin, SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError("it hangs") from None
        with open(self.count, "rb") as file:
            calls, failed = struct.unpack("QQ", file.read())
        return process.returncode, out, err, calls, failed

    def learn(self, kinds):
        """How many calls a run makes in which nothing fails; what it leaves is what may be there."""
        code, out, err, calls, _ = self.run(kinds, 0)
        check(code == 0 and self.scenario.said in out, (self.scenario.name, code, out, err))
        self.files |= names(self.place)
        return calls

    def judge(self, code, out, err):
        check(code in CODES, f"it ended with {code}")
        check(code != 0 or self.scenario.said in out, "it says that all is well, and it is not")
        check(code == 0 or "carat: " in err or '"error"' in out or self.scenario.tells in out, "it says nothing")
        rows, texts = kept(self.place)
        check(self.rows <= rows, f"{len(self.rows - rows)} messages that were kept are gone")
        told_of_loss = "turn.failed" in out and "keeping a message: " in out
        for text in out.splitlines():
            try:
                event = json.loads(text)
            except ValueError:
                continue  # the last line may be a piece
            if isinstance(event, dict) and event.get("type") == "item.completed" and event["item"]["type"] == "agent_message":
                check(told_of_loss or any(event["item"]["text"] in kept_text for kept_text in texts), "an answer that was told is not kept")
        end = time.monotonic() + 20
        while left := left_running(self.place):
            check(time.monotonic() < end, f"still running: {left}")
            time.sleep(0.01)
        extra = {name for name in names(self.place) - self.files if not UNFINISHED.fullmatch(name)}
        check(not extra, f"files are left: {sorted(extra)}")

    def goes_on(self):
        """Where something failed, the next run, in which nothing does, finds nothing in its way."""
        for words, said in ((("exec", "-m", script(self.place, "On.<turn|>"), "resume", "--last", "more"), "On."), (("undo", "--list"), "")):
            run = self.place.carat(*words, code=None)
            check(run.returncode == 0 and said in run.stdout, f"afterwards {words[0]} ended with {run.returncode}: {run.stderr[-300:]}")


def try_all(ways):
    """ways: (kinds, error, lasting). Each scenario gets its share, and of each way as many places as fit."""
    moments = random.Random(11)
    scenarios = [scenario for scenario in SCENARIOS if ONLY in (None, scenario.name)]
    done, hit, wrong, ends = 0, 0, [], {}
    for number, scenario in enumerate(scenarios):
        share = FAULTS * (number + 1) // len(scenarios) - FAULTS * number // len(scenarios)
        tried = Tried(scenario)
        try:
            calls = {kinds: tried.learn(kinds) for kinds in {way[0] for way in ways}}
            places = [(way, at) for way in ways for at in range(1, calls[way[0]] + 1)]
            for (kinds, error, lasting), at in moments.sample(places, min(share, len(places))):
                done += 1
                try:
                    code, out, err, _, failed = tried.run(kinds, at, error, lasting)
                    hit += failed > 0
                    ends[code] = ends.get(code, 0) + 1
                    tried.judge(code, out, err)
                    if done % 8 == 0:
                        tried.goes_on()
                except Exception as problem:  # all of them are told at the end
                    wrong.append(f"{scenario.name}: {kinds} {at} {error} lasting={lasting}: {problem}")
                    print(wrong[-1], (code, out[-300:], err[-300:]) if "code" in locals() else "", flush=True)
        finally:
            tried.close()
    print(f"{done} runs of {len(scenarios)} scenarios, in {hit} of them something failed: exit statuses {dict(sorted(ends.items()))}, {len(wrong)} wrong", flush=True)
    check(hit > done // 2, "too few of them failed at all")
    check(not wrong, "\n".join(wrong))


def case_memory():
    try_all([("malloc", None, False), ("malloc", None, True)])


def case_files():
    try_all([(kind, error, False) for kind in FILES for error in ERRORS[kind]])


LARGE = "".join(f"line {number}\n" for number in range(400))
STEPS = [("read_file", {"path": "notes.txt"}), ("edit_file", {"path": "notes.txt", "old_text": "two", "new_text": "zwei"}),
         ("write_file", {"path": "made.txt", "content": LARGE}), ("read_file", {"path": "large.txt"}),
         ("edit_file", {"path": "large.txt", "old_text": "line 399", "new_text": "the end"}), ("write_file", {"path": "new/deep.txt", "content": "x\n"})]
BEFORE = {"notes.txt": "one\ntwo\n", "large.txt": LARGE}
AFTER = {"notes.txt": (1, "one\nzwei\n"), "made.txt": (2, LARGE), "large.txt": (4, LARGE.replace("line 399", "the end")), "new/deep.txt": (5, "x\n")}


class ToolRun:
    """The file tools' process, with calls that fail. The library cannot be let into the sandbox, so that the layers are off for once."""

    def __init__(self, place, env=(), limits=None, policy=None, steps=STEPS):
        shutil.rmtree(place.work)
        os.mkdir(place.work)
        for name, text in BEFORE.items():
            place.write(name, text)
            os.chmod(os.path.join(place.work, name), 0o640)
        with open(os.path.join(place.root, "policy.json"), "w") as file:
            json.dump(policy or {"sandbox": "danger-full-access"}, file)
        requests = "".join(json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}) + "\n"
                           for number, (name, arguments) in enumerate(steps))
        self.run = subprocess.run([TOOL, "files", "--workspace", place.work, "--policy", os.path.join(place.root, "policy.json")], input=requests,
                                  env=dict(place.env, **dict(env)), capture_output=True, text=True, timeout=SLOW, preexec_fn=limits)
        self.place, self.answers = place, {}
        for text in self.run.stdout.splitlines():
            try:
                answer = json.loads(text)
            except ValueError:
                continue  # the last line may be a piece
            if "result" in answer:
                self.answers[answer["id"]] = answer["result"]

    def text(self, name):
        try:
            return self.place.read(name)
        except FileNotFoundError:
            return None

    def judge(self):
        """Each file is the old one or the new one, whole, and which one was told."""
        check(self.run.returncode in (0, 1, 2, 56), f"it ended with {self.run.returncode}")
        check(self.run.returncode == 0 or self.run.stderr, "it says nothing")
        for name, (number, new) in AFTER.items():
            text, answer = self.text(name), self.answers.get(number)
            told = None if answer is None else not answer.get("isError", False)
            check(text in (new, BEFORE.get(name)), f"{name} is neither the old one nor the new one: {len(text or '')} bytes")
            check(told is None or (text == new) == told, f"{name}: told {told}, {answer}")
            check(told is not False or answer["content"][0]["text"], "it says nothing")
            if name in BEFORE:
                check(os.stat(os.path.join(self.place.work, name)).st_mode & 0o7777 == 0o640, f"{name} has another mode")
        left = [name for name in os.listdir(self.place.work) if name.startswith(".carat-")]
        check(not left, f"files are left: {left}")


def case_tool():
    """The file tools' own process: each of its calls on files fails, with each error, one at a time."""
    hit, done, wrong = 0, 0, []
    with Place() as place:
        count = os.path.join(place.root, "count")

        def run(kind, at, error):
            with open(count, "wb") as file:
                file.write(bytes(16))
            tried = ToolRun(place, {"LD_PRELOAD": FAULT, "FAULT_PROGRAM": "carat-tool", "FAULT_KINDS": kind, "FAULT_AT": str(at),
                                    "FAULT_ERROR": str(error), "FAULT_COUNT": count})
            with open(count, "rb") as file:
                return tried, *struct.unpack("QQ", file.read())

        places = []
        for kind in FILES:
            tried, calls, _ = run(kind, 0, errno.EIO)
            tried.judge()
            check(len(tried.answers) == len(STEPS) and all(tried.text(name) == new for name, (_, new) in AFTER.items()), tried.run)
            check(calls > 0 or kind in ("truncate", "mmap"), f"no calls of {kind} were seen")
            places += [(kind, at, error) for error in ERRORS[kind] for at in range(1, calls + 1)]
        for kind, at, error in random.Random(12).sample(places, min(FAULTS, len(places))):
            try:
                tried, _, failed = run(kind, at, error)
                done, hit = done + 1, hit + (failed > 0)
                tried.judge()
            except Exception as problem:
                wrong.append(f"{kind} {at} {error}: {problem}")
    print(f"{done} runs of {len(places)} places, in {hit} of them something failed: {len(wrong)} wrong", flush=True)
    check(hit > done * 9 // 10 and not wrong, "\n".join(wrong))


def swapped(place):
    """What a file was replaced by since it was read: nothing of it changes, and the answer says why."""
    path, outside = os.path.join(place.work, "notes.txt"), os.path.join(place.root, "outside")

    def other(name):
        with open(name, "w") as file:
            file.write("one\ntwo\nthree\n")
    ways = {"a pipe": os.mkfifo, "a folder": os.mkdir, "a link": lambda name: os.symlink(outside, name), "another text": other,
            "one of two names": lambda name: os.link(outside, name), "nothing": lambda name: None, "the same text": None}
    for what, make in ways.items():
        ToolRun(place, policy={"limits": {}}, steps=[])
        other(outside)
        server = subprocess.Popen([TOOL, "files", "--workspace", place.work], env=place.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def ask(name, **arguments):
            server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": {"name": name, "arguments": arguments}}) + "\n")
            server.stdin.flush()
            while (answer := json.loads(server.stdout.readline())).get("id") != name:
                pass
            return answer["result"]
        check(not ask("read_file", path="notes.txt").get("isError"), "it is read")
        if make is not None:
            os.unlink(path)
            make(path)
        answer = ask("edit_file", path="notes.txt", old_text="two", new_text="zwei")
        server.stdin.close()
        check(server.wait(SLOW) == 0, f"{what}: it ended with {server.returncode}")
        check(bool(answer.get("isError")) == (make is not None) and answer["content"][0]["text"], f"{what}: {answer}")
        check(open(outside).read() == "one\ntwo\nthree\n", f"{what}: it was written through")
        check(sorted(os.listdir(place.work)) == sorted(["large.txt"] + ["notes.txt"] * (what != "nothing")), f"{what}: {os.listdir(place.work)}")


def case_limits():
    """The same process in its sandbox, and carat itself, where the system gives no more: sizes of files, descriptors."""
    import resource
    with Place() as place:
        free = ToolRun(place, policy={"limits": {}})
        free.judge()
        check(len(free.answers) == len(STEPS) and free.text("made.txt") == LARGE, free.run)
        for size in (0, 1, 5, 100, len(LARGE) - 1):
            tight = ToolRun(place, policy={"limits": {"file_bytes": max(size, 1)}}, limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
            tight.judge()
            check(not tight.answers or "File too large" in json.dumps(tight.answers), tight.run)
        swapped(place)
    wrong = []
    for name in ("answer", "tools", "export_to_file"):
        tried = Tried([scenario for scenario in SCENARIOS if scenario.name == name][0])
        try:
            tried.learn("malloc")
            for what, least in [(resource.RLIMIT_FSIZE, size) for size in (0, 512, 4096, 40000, 100000, 300000)] + [(resource.RLIMIT_NOFILE, n) for n in (8, 9, 16, 40, 63, 64)]:
                try:
                    code, out, err, _, _ = tried.run("malloc", 0, limits=lambda: resource.setrlimit(what, (least, least)))
                    tried.judge(code, out, err)
                    tried.goes_on()
                except Exception as problem:
                    wrong.append(f"{name}: limit {what} {least}: {problem}")
        finally:
            tried.close()
    check(not wrong, "\n".join(wrong))


def case_control():
    """The judge sees what it looks for."""
    tried = Tried(SCENARIOS[0])
    try:
        code, out, err, calls, failed = tried.run("malloc", 0)
        check(calls > 1000 and failed == 0 and code == 0, "allocations are seen")
        tried.judge(code, out, err)
        files = tried.run(",".join(FILES), 0)
        check(files[3] > 50, "calls on files are seen")
        _, out, err, calls, failed = tried.run("malloc", 100, lasting=True)
        check(failed > 0 and "out of memory" in err, "they can fail")

        def seen(words, code=0, out=out, err="carat: x"):
            try:
                tried.judge(code, out, err)
            except AssertionError as problem:
                check(words in str(problem), problem)
                return
            raise AssertionError(f"not seen: {words}")
        seen("ended with -11", code=-11)
        seen("all is well", out="")
        seen("says nothing", code=1, out="", err="")
        tried.run("malloc", 0)
        seen("not kept", out=json.dumps({"type": "item.completed", "item": {"type": "agent_message", "text": "Done. Never said."}}))
        with open(os.path.join(tried.place.home, "left"), "w"):
            seen("files are left", out="Done.")
        os.unlink(os.path.join(tried.place.home, "left"))
        tried.place.database().executescript("delete from messages where ordinal = 0")
        seen("are gone", out="Done.")
    finally:
        tried.close()


main(globals())
