#!/usr/bin/env python3
"""The real programs under load, all at once, to find races: load.py BUILD SECONDS. BUILD is one with ThreadSanitizer.

A screen with the small model: questions, streamed answers, typing while it answers (read ahead), Ctrl-C, other sizes. A screen
with a scripted model: jobs, tools, a queue of messages. A screen that hears a microphone of this script's own. carat serve with
parallel clients, some of which go away. Whatever ThreadSanitizer says is printed; 0 reports are right, and each part must have
done something, or nothing was tried.
"""
import os
import re
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
done = {}


def count(what):
    done[what] = done.get(what, 0) + 1


def goes_on():
    return time.monotonic() < END


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
        while goes_on():
            screen.say("go")
            screen.say("/jobs")
            time.sleep(0.7)
            screen.say("and again")
            screen.wait("Done with it.", gone=("working",))
            count("turns with jobs")
    finally:
        leave(screen)


def hears(screen):
    text = screen.text()
    return "listening" in text or "hearing" in text


def speaking(place):
    """A microphone that opens, hears and closes."""
    with open(os.path.join(place.home, "config.toml"), "w") as file:
        file.write("[voice]\nreview = false\n")
    room = Room(place)
    screen = Screen(place, "-m", NANO, "--mode", "full", columns=100, rows=30, extra=dict(room.variables(), **place.tsan))
    try:
        screen.wait("? keys", "nano", gone=("loading",))
        while goes_on():
            while goes_on() and not hears(screen):
                screen.key("M-r")
                time.sleep(0.7)
            room.play(os.path.join(SOUNDS, "speech03.wav"))
            # A key that came before the microphone was open has begun one more.
            while hears(screen):
                screen.key("Escape" if done.get("recordings", 0) % 2 else "M-r")
                time.sleep(2)
            screen.wait("? keys", gone=("listening", "hearing"))
            count("recordings")
    finally:
        leave(screen)
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
    with Server(place, "--sessions", "3") as server:
        def client(number):
            while goes_on():
                if number % 3 == 0:
                    connection = server.connect()
                    connection.request("POST", "/v1/chat/completions", json.dumps(dict(ramble(), stream=True)), {"Authorization": "Bearer " + server.token})
                    time.sleep(0.5)
                    connection.close()
                else:
                    server.json("/v1/chat/completions", chat(f"hello {number}", max_tokens=20, stream=False))
                count("answers of a server")
        clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()


def reports(text):
    return [piece for piece in text.split("==================") if "WARNING" in piece]


def is_ours(report):
    """Not what the sound libraries, into which ThreadSanitizer does not see, hand from thread to thread among themselves: of the
    two accesses neither was made by a line of ours, or by the C library for one."""
    accesses = re.split(r"^  (?:Mutex|Thread|Location|As if)|^SUMMARY", report, maxsplit=1, flags=re.M)[0]
    makers = [re.search(r"^    #\d+ (?!\S+ <null> \(carat).*", access, re.M) for access in re.split(r"^  Previous", accesses, flags=re.M)]
    return "data race" not in report or any(maker is None or re.search(r"/(src|engine|tools)/\S+\.c", maker[0]) for maker in makers)


PARTS = (streaming, jobs, speaking, serving)


def main_load():
    check(b"__tsan_init" in open(CARAT, "rb").read(), "the build has no ThreadSanitizer")
    wrong, others = [], []

    def part(work):
        with Place() as place:
            log = os.path.join(place.root, "tsan")
            place.tsan = {"TSAN_OPTIONS": f"log_path={log} exitcode=66 second_deadlock_stack=1"}
            try:
                work(place)
            except Exception as problem:
                wrong.append(f"{work.__name__}: {problem}")
            for name in sorted(os.listdir(place.root)):
                if name.startswith("tsan."):
                    for report in reports(open(os.path.join(place.root, name), errors="replace").read()):
                        (wrong if is_ours(report) else others).append(report)
    parts = [threading.Thread(target=part, args=(work,)) for work in PARTS]
    for each in parts:
        each.start()
    for each in parts:
        each.join()
    print(", ".join(f"{number} {what}" for what, number in sorted(done.items())))
    print("\n".join(wrong) + f"\n{len(wrong)} reports or failures in {SECONDS:.0f} s of load, {len(others)} reports within libraries")
    return 1 if wrong or len(done) < 5 else 0


sys.exit(main_load())
