#!/usr/bin/env python3
"""The real programs under load, all at once, to find races: load.py BUILD SECONDS. BUILD is one with ThreadSanitizer.

A screen with the small model: questions, streamed answers, typing while it answers (read ahead), Ctrl-C, other sizes. A screen
with a scripted model: jobs, tools, a queue of messages. A screen that hears a microphone of this script's own. carat serve with
parallel clients, some of which go away. 0 reports are right; what lies within libraries that ThreadSanitizer does not see into is
left out by tests/load.suppressions, which says why, and counted. Each part must have done something, ThreadSanitizer must have
written the log of each, and no process and no folder may be left.

Nothing here counts on time: each step waits for what the one before it shows, so that a slow machine does less, not something else.
"""
import os
import re
import signal
import sys
import threading
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
BUILD, SECONDS = os.path.abspath(sys.argv[1]), float(sys.argv[2])
sys.dont_write_bytecode = True  # nothing is left in the source folder
sys.path.insert(0, os.path.join(FOLDER, "e2e"))
sys.argv[1:] = ["load", BUILD, os.path.dirname(FOLDER)]  # as the end-to-end tests are called, on which this stands
from place import *
from serve import Server, chat, ramble
from voice import Room, SOUNDS

END = time.monotonic() + SECONDS
SUPPRESSIONS = os.path.join(FOLDER, "load.suppressions")
done = {}
stopped = threading.Event()  # by a signal: every part leaves as it does at the end


def count(what):
    done[what] = done.get(what, 0) + 1


def goes_on():
    return time.monotonic() < END and not stopped.is_set()


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|><|tool_response>"


def streaming(place):
    """Questions to the small model while the screen changes its size and more is typed."""
    place.write("heron.txt", "x")
    screen = Screen(place, "-m", NANO, "--mode", "full", columns=100, rows=30, extra=place.tsan)
    sizes = ((100, 30), (60, 12), (140, 50), (30, 8))
    try:
        screen.wait("? keys")
        number = 0
        while goes_on():
            number += 1
            screen.type(("list the files", "tell me a story", "what is 17 * 23")[number % 3])
            time.sleep(0.5)  # so long that it is read ahead
            screen.key("Enter")
            for moment in range(3):
                width, height = sizes[(number + moment) % len(sizes)]
                screen.tmux("resize-window", "-x", str(width), "-y", str(height))
                screen.type("more ")
                time.sleep(0.3)
            screen.key("C-u")
            if number % 4 == 0:
                screen.key("C-c")
            screen.tmux("resize-window", "-x", "100", "-y", "30")
            screen.wait("> Ask something", "context", gone=("writing", "reading"))
            count("answers on a screen")
    finally:
        leave(screen)


def jobs(place):
    """Jobs and tools of a scripted model, with messages that wait in a row."""
    turn = [call("shell", command="for i in 1 2 3 4 5; do echo $i; sleep 0.2; done &"), call("shell", command="jobs"),
            call("shell", command="seq 1 20000"), call("read_file", path="w.txt"), "Done with it."]
    place.write("w.txt", "one\n" * 200)
    screen = Screen(place, "-m", script(place, *turn * 400), "--mode", "full", "--max-turns", "1000", "--max-tool-calls", "1000",
                    columns=90, rows=30, extra=place.tsan)
    try:
        screen.wait("script")
        answers = 0
        while goes_on():
            screen.say("go")
            screen.say("/jobs")
            time.sleep(0.7)
            screen.say("and again")
            answers = wait_for_answers(place, answers + 1)
            screen.wait("Done with it.", gone=("working",))
            count("turns with jobs")
    finally:
        leave(screen)


def wait_for_answers(place, wanted):
    """How many answers of the script are kept, once there are so many. An answer of an earlier turn still stands on the screen."""
    end = time.monotonic() + PATIENCE
    while (kept := place.database().execute("select count(*) from messages where text = 'Done with it.'").fetchone()[0]) < wanted:
        check(time.monotonic() < end, f"{kept} answers of {wanted}")
        time.sleep(0.1)
    return kept


MICROPHONE = ("opening the microphone", "listening", "hearing you", "closing the microphone")


def speaking(place):
    """A microphone that opens, hears, and closes when it is told to; every second time what was heard is thrown away."""
    with open(os.path.join(place.home, "config.toml"), "w") as file:
        file.write("[voice]\nreview = false\npause_ms = 0\n")
    room = Room(place)
    try:
        screen = Screen(place, "-m", NANO, "--mode", "full", columns=100, rows=30, extra=dict(room.variables(), **place.tsan))
        try:
            while goes_on():
                screen.wait("> Ask something", "? keys", "nano", gone=(*MICROPHONE, "loading", "writing", "reading"))
                screen.key("M-r")
                screen.wait("listening")
                room.play(os.path.join(SOUNDS, "speech03.wav"))
                screen.wait("hearing you")
                screen.key("Escape" if done.get("recordings", 0) % 2 else "M-r")
                screen.wait("nano", gone=MICROPHONE)
                count("recordings")
        finally:
            leave(screen)
    finally:
        room.close()


def leave(screen):
    """As a person leaves, so that all threads end by themselves and are looked at. The last Ctrl-C may end the terminal too."""
    end = time.monotonic() + PATIENCE
    try:
        while "[exit" not in screen.text():
            check(time.monotonic() < end, f"it does not leave: {screen.text()}")
            screen.key("C-c")
            time.sleep(0.4)
    except subprocess.CalledProcessError:
        pass
    count("screens left")
    screen.close()


def serving(place):
    """Clients of a server side by side; some go away in the middle of an answer."""
    place.env.update(place.tsan)
    wrong = []
    with Server(place, "--sessions", "3") as server:
        def client(number):
            try:
                while goes_on():
                    if number % 3 == 0:
                        connection = server.connect()
                        connection.request("POST", "/v1/chat/completions", json.dumps(dict(ramble(), stream=True)), {"Authorization": "Bearer " + server.token})
                        time.sleep(0.5)
                        connection.close()
                    else:
                        server.json("/v1/chat/completions", chat(f"hello {number}", max_tokens=20, stream=False))
                    count("answers of a server")
            except Exception as problem:
                wrong.append(f"client {number}: {problem!r}")
        each_in_a_thread([lambda number=number: client(number) for number in range(6)])
    check(not wrong, wrong)


# And what each must have done.
PARTS = ((streaming, "answers on a screen"), (jobs, "turns with jobs"), (speaking, "recordings"), (serving, "answers of a server"))


def each_in_a_thread(works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)  # not for ever, or a signal would wait for it


def logs(place):
    return [open(os.path.join(place.root, name), errors="replace").read() for name in sorted(os.listdir(place.root)) if name.startswith("tsan.")]


def said(log):
    """What a log says that is no word of its beginning and end: reports, and ThreadSanitizer's own faults."""
    pieces = log.split("=" * 18)
    lines = [line for piece in pieces if "WARNING" not in piece for line in piece.splitlines()]
    faults = [line for line in lines if "ThreadSanitizer" in line and not re.search("Running under|reading suppressions|forked new process|Matched|reported", line)]
    return [piece.strip() for piece in pieces if "WARNING" in piece] + faults


def living(place):
    """{pid: words} of the processes that know the place's folder by their words or their environment."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words, environment = (open(f"/proc/{name}/{file}", "rb").read() for file in ("cmdline", "environ"))
            if place.root.encode() in words + environment:
                found[int(name)] = words.replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            pass  # it has ended, or is another user's
    return found


def end_all(place):
    """What still lives when it has had time to end, ended now."""
    end = time.monotonic() + PATIENCE
    while (left := living(place)) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in left:
        subprocess.run(["kill", "-9", str(pid)], capture_output=True)  # it may have ended just now
    return left.values()


def run(work, what, wrong, suppressed):
    with Place() as place:
        # verbosity: each process begins its log, which shows that these words reached it.
        log = os.path.join(place.root, "tsan")
        place.tsan = {"TSAN_OPTIONS": f"log_path={log} suppressions={SUPPRESSIONS} print_suppressions=1 verbosity=1 history_size=4"}
        try:
            work(place)
        except Exception as problem:
            wrong.append(f"{work.__name__}: {problem!r}")
        wrong += [f"{work.__name__}: lives on: {words}" for words in end_all(place)]
        written = logs(place)
        wrong += [report for text in written for report in said(text)]
        suppressed += [int(number) for text in written for number in re.findall(r"Matched (\d+) suppressions", text)]
        if not any("Running under ThreadSanitizer" in text for text in written):
            wrong.append(f"{work.__name__}: no log of ThreadSanitizer")
        if not done.get(what):
            wrong.append(f"{work.__name__}: no {what}, so nothing was tried")
    if os.path.exists(place.root):
        wrong.append(f"{work.__name__}: {place.root} is left")


def main_load():
    check(b"__tsan_init" in open(CARAT, "rb").read(), "the build has no ThreadSanitizer")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    wrong, suppressed = [], []
    each_in_a_thread([lambda part=part: run(*part, wrong, suppressed) for part in PARTS])
    if stopped.is_set():
        wrong.append("stopped by a signal")
    print("\n\n".join([", ".join(f"{number} {what}" for what, number in sorted(done.items())), *wrong]))
    print(f"{len(wrong)} reports or failures in {SECONDS:.0f} s of load, {sum(suppressed)} reports within libraries")
    return 1 if wrong else 0


sys.exit(main_load())
