"""Jobs as a user meets them: a command that ends in & goes on beside the conversation, is seen, is stopped, and never
outlives carat. Run as jobs.py CASE BUILD-FOLDER SOURCE-FOLDER."""
import http.server
import json
import os
import random
import signal
import subprocess
import threading
import time

from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def running(mark):
    """Processes with this word in their command line; zombies are nobody's."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                state = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[0]
                if state != "Z" and mark in open(f"/proc/{name}/cmdline", "rb").read().split(b"\0"):
                    found.append(int(name))
            except OSError:
                pass
    return found


def wait_until(condition, message):
    end = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < end, message)
        time.sleep(0.05)


# Each case's `sleep` has a number that no other process sleeps for.
def mark():
    return f"{1000 + os.getpid() % 100000}.5".encode()


def start(place, *more):
    command = f"echo ready; sleep {mark().decode()} &"
    return script(place, call("shell", command=command), "It runs.<turn|>", *more)


def case_screen():
    with Place() as place:
        screen = Screen(place, "-m", start(place, call("more_output", handle="r1"), "It says ready.<turn|>"), "--mode", "full",
                        columns=110)
        try:
            screen.wait("script")
            screen.say("/jobs")
            screen.wait("There are no jobs")
            screen.say("start it")
            screen.wait("It runs.", "job r1 runs", "1 job")
            wait_until(lambda: running(mark()), "the job does not run")
            screen.say("/jobs")
            screen.wait("r1  running", "sleep " + mark().decode(), "    ready")
            screen.say("what does it say?")
            screen.wait("1| ready", "[running]", "It says ready.")
            screen.say("/jobs stop r2")
            screen.wait("No job r2 runs.")
            screen.say("/jobs stop r1")
            screen.wait("Job r1 is being stopped.", "stopped", gone=["1 job "])
            wait_until(lambda: not running(mark()), "the job was stopped and runs")
        finally:
            screen.close()


def case_leaving():
    """Leaving a conversation ends its jobs, and is asked for twice."""
    with Place() as place:
        screen = Screen(place, "-m", start(place), "--mode", "full", columns=110)
        try:
            screen.wait("script")
            screen.say("start it")
            screen.wait("It runs.", "1 job")
            wait_until(lambda: running(mark()), "the job does not run")
            screen.say("/quit")
            screen.wait("1 job would be stopped (/jobs); once more to leave")
            check(running(mark()), "the job was stopped by the first word")
            screen.say("/quit")
            screen.wait("[exit 0]")
            check(not running(mark()), "the job outlived carat")
        finally:
            screen.close()
        with place.database() as database:
            rows = database.execute("select bytes from result_pieces").fetchall()
        check(len(rows) == 1 and b"ready" in rows[0][0] and b"[stopped]" in rows[0][0], rows)


def case_new_conversation():
    with Place() as place:
        screen = Screen(place, "-m", start(place), "--mode", "full", columns=110)
        try:
            screen.wait("script")
            screen.say("start it")
            screen.wait("It runs.", "1 job")
            wait_until(lambda: running(mark()), "the job does not run")
            screen.settle()
            screen.say("/new")
            screen.wait("A new conversation", gone=["1 job "])
            wait_until(lambda: not running(mark()), "the job outlived its conversation")
        finally:
            screen.close()


def case_killed():
    """kill -9 of carat leaves nothing of a job."""
    with Place() as place:
        screen = Screen(place, "-m", start(place), "--mode", "full", columns=110)
        try:
            screen.wait("script")
            screen.say("start it")
            screen.wait("It runs.", "1 job")
            wait_until(lambda: running(mark()), "the job does not run")
            os.kill(screen.pid(), signal.SIGKILL)
            wait_until(lambda: not running(mark()), "the job outlived a killed carat")
        finally:
            screen.close()
        again = script(place, call("more_output", handle="r1"), "Read.<turn|>")
        shown = place.carat("exec", "-m", again, "resume", "--last", "what did it say?").stdout
        check("Read." in shown, shown)
        shown = place.carat("resume", "-m", again).stdout
        check("this job ran when carat ended; its output was not kept" in shown, shown)


def case_silent_command_killed():
    """Neither does a command that says nothing, and so never writes to who is gone."""
    with Place() as place:
        model = script(place, call("shell", command=f"sleep {mark().decode()}"), "Done.<turn|>")
        run = subprocess.Popen([CARAT, "exec", "-m", model, "go"], cwd=place.work, env=place.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: running(mark()), "the command does not run")
        run.kill()
        run.wait()
        wait_until(lambda: not running(mark()), "the command outlived a killed carat")


def case_slow_file_tool():
    """A line on which one pattern alone takes minutes: the search is ended from outside, and the next call works."""
    with Place() as place:
        random.seed(1)
        place.write("line", "".join(random.choice("ab") for _ in range(8000)) + "\n")
        place.write("other", "plain words\n")
        model = script(place, call("search_files", pattern="(a|b)*a(a|b){190}c", path="line"), call("read_file", path="other"), "Done.<turn|>")
        events = place.events("-m", model, "--set", "tools.timeout_s=1", "look")
        texts = json.dumps(events)
        check("no answer after 1 s" in texts and "plain words" in texts, texts)


class Page(http.server.BaseHTTPRequestHandler):
    """One element with so many attributes that comparing each with all before it takes minutes."""

    def log_message(self, *unused):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p " + b" ".join(b"a%x" % number for number in range(290000)) + b">words")


def case_slow_page():
    """A page that keeps its reader busy: the call is ended from outside, and the next one works."""
    with Place() as place, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place.write("other", "plain words\n")
        host = f"127.0.0.1:{server.server_port}"
        model = script(place, call("http_fetch", url=f"http://{host}/"), call("read_file", path="other"), "Done.<turn|>")
        events = place.events("-m", model, "--allow-host", host, "--set", "tools.timeout_s=1", "look")
        server.shutdown()
        texts = json.dumps(events)
        check("no answer after 1 s" in texts and "plain words" in texts, texts)


def case_exec():
    """Without a terminal jobs end with the last turn."""
    with Place() as place:
        events = place.events("-m", start(place, "x"), "start it")
        answer = items(events, "agent_message")[-1]["text"]
        check(answer == "It runs.", events)
        check("job r1 runs" in items(events, "command_execution")[0]["aggregated_output"], events)
        check(not running(mark()), "the job outlived exec")


TIDIES = "trap 'echo bye > bye' TERM; echo begun; echo > ready; sleep "


def interrupt(place, command):
    """SIGINT while the command runs; what exec told of it."""
    model = script(place, call("shell", command=command), "Never.<turn|>")
    run = subprocess.Popen([CARAT, "exec", "--json", "-m", model, "go"], cwd=place.work, env=place.env,
                           stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    wait_until(lambda: os.path.exists(os.path.join(place.work, "ready")), "the command did not begin")
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=PATIENCE)
    check(run.returncode == 130, (run.returncode, out))
    check(not running(mark()), "the command outlived exec")
    return out


def case_tidies():
    """A command that is stopped gets TERM first, as its terminal would have sent. It has 100 ms, for somebody waits: on a busy
    machine it may miss them, but not again and again."""
    for _ in range(5):
        with Place() as place:
            interrupt(place, TIDIES + mark().decode() + " & wait")
            if os.path.exists(os.path.join(place.work, "bye")):
                return
    check(False, "it was killed before it could say bye")


def case_tidies_at_the_end():
    """So does a job when exec ends."""
    with Place() as place:
        wait = call("shell", command="while ! test -e ready; do sleep 0.02; done")
        place.events("-m", script(place, call("shell", command=TIDIES + mark().decode() + " &"), wait, "Done.<turn|>"), "go")
        check(os.path.exists(os.path.join(place.work, "bye")), "it was killed before it could say bye")


def case_output_is_kept():
    """What a command wrote before it was stopped is told, kept, and read by the model in the next turn."""
    with Place() as place:
        out = interrupt(place, f"echo begun; echo > ready; sleep {mark().decode()}")
        results = items([json.loads(line) for line in out.splitlines()], "command_execution")
        check("begun" in results[-1]["aggregated_output"] and "stopped" in results[-1]["aggregated_output"], results)
        kept = place.database().execute("select text, details from messages where role = 3").fetchall()
        check("begun\\n(stopped: cancelled)" in str(kept).replace("\\\\", "\\"), kept)


def waited_for(place, *more):
    """A command that does not end by itself and is waited for, as all are."""
    return script(place, call("shell", command=f"echo ready; sleep {mark().decode()}"), "It goes on.<turn|>", *more)


def case_background():
    """Ctrl+B: the command that the turn waits for becomes a job, the model hears of it, and the turn goes on."""
    with Place() as place:
        model = waited_for(place, call("more_output", handle="r1"), "It says ready.<turn|>")
        screen = Screen(place, "-m", model, "--mode", "full", columns=110)
        try:
            screen.wait("script")
            screen.say("start it")
            screen.wait("ready", "Ctrl+B twice: to the background", "Esc interrupts")
            screen.type("a draft")
            screen.key("C-b")
            screen.wait("It goes on.", "goes on as job r1", "1 job", "> a draft")
            check(running(mark()), "the command ended")
            screen.key("C-b", "C-b", "X")  # nothing runs now: to the left
            screen.wait("> a draXft")
            screen.key("C-e", "C-u")
            screen.say("/jobs")
            screen.wait("r1  running", "sleep " + mark().decode(), "    ready")
            screen.say("what does it say?")
            screen.wait("1| ready", "[running]", "It says ready.")
            screen.say("/jobs stop r1")
            screen.wait("Job r1 is being stopped.", "stopped", gone=["1 job "])
            wait_until(lambda: not running(mark()), "the job was stopped and runs")
            screen.say("/background")
            screen.wait("no command runs that could go to the background")
        finally:
            screen.close()
        with place.database() as database:
            told = database.execute("select details from messages where details like '%goes on as job r1%'").fetchall()
        check(len(told) == 1 and "What it wrote so far:]" in told[0][0] and "ready" in told[0][0], told)


def case_background_own():
    """The same for a command of the user's own; the model is told with the next message."""
    with Place() as place:
        screen = Screen(place, "-m", script(place, "Seen.<turn|>"), "--mode", "full", columns=110)
        try:
            screen.wait("script")
            screen.say(f"!echo ready; sleep {mark().decode()}")
            screen.wait("ready", "working")
            wait_until(lambda: running(mark()), "the command does not run")
            screen.key("C-b")
            screen.wait("goes on as job r1", "/jobs stop r1 ends it", "1 job", gone=["working", "more_output"])
            check(running(mark()), "the command ended")
            screen.say("!echo another")
            screen.wait("• ! echo another")
            screen.say("well?")
            screen.wait("Seen.")
            screen.say("/jobs stop r1")
            screen.wait("(echo ready; sleep " + mark().decode() + ") stopped", gone=["1 job "])
            wait_until(lambda: not running(mark()), "the job was stopped and runs")
        finally:
            screen.close()
        with place.database() as database:
            notes = database.execute("select text from messages where text like 'I ran this command myself%'").fetchall()
        check(len(notes) == 2 and "goes on as job r1" in notes[0][0] and notes[0][0].endswith("ready\n"), notes)


def case_background_killed():
    """kill -9 of carat leaves nothing of a command that was put into the background."""
    with Place() as place:
        screen = Screen(place, "-m", waited_for(place), "--mode", "full", columns=110)
        try:
            screen.wait("script")
            screen.say("start it")
            wait_until(lambda: running(mark()), "the command does not run")
            screen.wait("ready")
            screen.key("C-b")
            screen.wait("It goes on.", "1 job")
            os.kill(screen.pid(), signal.SIGKILL)
            wait_until(lambda: not running(mark()), "the job outlived a killed carat")
        finally:
            screen.close()


main(globals())
