#!/usr/bin/env python3
"""Another model goes on with the conversation while carat runs: /model, Alt+P, /load."""
import os
import signal
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *

PICTURE = os.path.join(SOURCE, "tests", "engine", "vision", "data", "picture00.png")


def library(place, *names, encoders=False):
    """Copies of the small model in the user's folder; its encoders are found beside it by their name alone."""
    folder = os.path.join(place.home, "data", "models")
    os.makedirs(folder, exist_ok=True)
    for name in names:
        shutil.copy(NANO, os.path.join(folder, name))
        if encoders:
            shutil.copy(os.path.join(os.path.dirname(NANO), "mmproj-nano.gguf"), os.path.join(folder, "mmproj-" + name))
    return folder


def configure(place, text):
    with open(os.path.join(place.home, "config.toml"), "w") as file:
        file.write(text)


def named(place):
    """The model that the newest conversation names."""
    return place.database().execute("select model from conversations order by updated_ms desc limit 1").fetchone()[0]


def last_answer(place):
    row = place.database().execute("select text from messages where ordinal in (select max(ordinal) from messages) and ordinal % 2 = 1").fetchone()
    return row and row[0]


def twin(place, name, *turns):
    path = os.path.join(place.root, name)
    with open(path, "w") as file:
        json.dump(list(turns), file)
    return "script:" + path


def case_choosing():
    """From the list, by a name, its beginning or a path; whatever cannot be taken leaves the one that runs, and says why."""
    with Place() as place:
        folder = library(place, "second.gguf", "secretary.gguf")
        with open(os.path.join(folder, "broken.gguf"), "wb") as file:
            file.write(open(NANO, "rb").read()[:100000])
        place.write("river.txt", "water\n")
        place.write("words.gguf", "no model at all\n")
        place.write("second.gguf", "a file of the workspace with a model's name\n")
        screen = Screen(place, "-m", "nano", columns=110, rows=50)
        try:
            screen.wait("of 8192")
            screen.say("list the files")
            screen.wait("river.txt", "tokens/s")
            screen.key("M-p")
            screen.wait("Go on with the model", "second.gguf", "* nano.gguf", "came with carat", "broken.gguf")
            screen.type("secr")
            screen.wait("secretary.gguf", gone=("broken.gguf",))
            screen.key("Enter")
            screen.wait("goes on with this conversation.")
            screen.say("/status")
            screen.wait("data/models/secretary.gguf")
            check(named(place) == "carat nano (test model)", "before it says anything")
            screen.say("hello")
            screen.wait("> hello", "tokens/s", gone=("reading",))
            screen.wait("What shall I do?", "Ask something", gone=("Esc interrupts",))

            screen.say("/new")
            screen.wait("A new conversation")
            for word, sentence in (("se", "se can be any of second.gguf, secretary.gguf"),
                                   ("broken", "broken.gguf"), ("no-such", "no-such"), ("./words.gguf", "words.gguf: header"),
                                   ("secretary", "secretary.gguf is the model that runs")):
                screen.say("/model " + word)
                screen.wait(sentence)
            screen.wait("secretary.gguf goes on.")
            screen.say("/model SECOND.gguf")
            screen.wait("carat nano (test model) goes on with this conversation.")
            screen.say("/status")
            screen.wait("home/data/models/second.gguf")
            screen.say("/switch nano")
            screen.wait("nano goes on with this conversation.")
            screen.say("list the files")
            screen.wait("river.txt", "There are 3")
            screen.settle()
            screen.say("/load last")
            screen.wait("Taken up again.")
        finally:
            screen.close()


def case_conversation():
    """The conversation is rendered anew: no token of the one model is read as a token of the other."""
    with Place() as place:
        first = twin(place, "first", "The quick brown fox, said by the first.<turn|>")
        second = twin(place, "second", {"expect": "The quick brown fox, said by the first.", "text": "I read it.<turn|>"})
        screen = Screen(place, "-m", first, columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("speak")
            screen.wait("said by the first")
            screen.say("/model nano")
            screen.wait("nano goes on with this conversation.", "of 8192")
            screen.say("hello")
            screen.wait("tokens/s", gone=("reading",))
            place.wait_for_stored("hello")
            check(named(place) == "carat nano (test model)", named(place))
            end = time.monotonic() + PATIENCE
            while not (answer := last_answer(place)) or "first" in answer:
                check(time.monotonic() < end, screen.text())
                time.sleep(0.1)
            time.sleep(0.5)
            with open(second.removeprefix("script:")) as file:
                turns = json.load(file)
            turns.append({"expect": last_answer(place), "text": "And that, too.<turn|>"})
            twin(place, "second", *turns)
            screen.say("/model " + second)
            screen.wait("script goes on with this conversation.")
            screen.say("what was said")
            screen.wait("I read it.")
            screen.say("and then")
            screen.wait("And that, too.")
        finally:
            screen.close()


def case_waiting():
    """During a turn it is taken when that is over, and what was said meanwhile goes to it; Esc gives the turn up first."""
    with Place() as place:
        first = twin(place, "first", {"text": " ".join(map(str, range(150))) + " and done<turn|>", "delay_ms": 15}, "the wrong one<turn|>")
        second = twin(place, "second", {"expect": "are you there", "text": "the second one<turn|>"})
        screen = Screen(place, "-m", first, columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("speak")
            screen.wait("20 21")
            screen.say("/model " + second)
            screen.wait("second takes over when this is done.")
            screen.type("are you there")
            screen.key("Tab")
            screen.wait("the second one")
            check("and done" in screen.text() and "the wrong one" not in screen.text(), screen.text())
        finally:
            screen.close()


def case_servers():
    """A server's model: the status line says where text goes, --offline forbids it, its key comes without the terminal."""
    with Place() as place, ModelServer() as server:
        flag = os.path.join(place.root, "flag")
        configure(place, f"""
[remote.big]
url = "{server.url('slow')}"
key_command = "cat; echo noise >&2; while ! test -e {flag}; do sleep 0.1; done; echo sk-secret"
[remote.failing]
url = "{server.url()}"
key_command = "exit 3"
[remote.bare]
model = "x"
""")
        first = twin(place, "first", {"expect": "not for you", "text": "it came to the first<turn|>"})
        screen = Screen(place, "-m", first, columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("/model failing")
            screen.wait('key_command "exit 3" failed', "first goes on.")
            screen.say("/model bare")
            screen.wait("remote.bare.url is not set")

            # While its key is waited for keys are answered and what is said waits; Esc takes all of it back.
            screen.say("/model big")
            screen.wait("loading remote:big")
            screen.say("not for you")
            screen.say("nor this")
            screen.wait("after this: nor this")
            screen.key("Escape")
            screen.wait("What you said meanwhile was not sent", gone=("loading remote:big",))
            check("not for you" in screen.text() and not server.requests, screen.text())
            screen.key("C-u", "BSpace", "C-u", "BSpace", "C-u")
            screen.say("/model big")
            screen.wait("loading remote:big")
            screen.say("hello")
            open(flag, "w").close()
            screen.wait("leaves this machine", "big @127.0.0.1", "heard hello", gone=("noise",))
            check(server.requests[-1][1]["Authorization"] == "Bearer sk-secret", server.requests[-1][1])
            check(named(place) == "big", named(place))
        finally:
            screen.close()
        screen = Screen(place, "--offline", "-m", first, columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("/model remote:big")
            screen.wait("--offline asks no server")
        finally:
            screen.close()


def case_unseen():
    """A conversation with a picture goes on with a model that has no eyes."""
    with Place() as place:
        library(place, "seeing.gguf", encoders=True)
        library(place, "blind.gguf")
        screen = Screen(place, "-m", "seeing.gguf", "-i", PICTURE, "what do you see?", columns=110, rows=40)
        try:
            screen.wait("I see a", "tokens/s")
            screen.say("/model blind")
            screen.wait("has no encoders: pictures and sounds of this conversation (1) are only mentioned to")
            screen.say("hello")
            screen.wait("> hello", "tokens/s", gone=("reading", "mmproj"))
            end = time.monotonic() + PATIENCE
            while place.database().execute("select count(*) from messages").fetchone()[0] < 4:
                check(time.monotonic() < end, screen.text())
                time.sleep(0.05)
            check("there is no mmproj" not in screen.text(), screen.text())
        finally:
            screen.close()


def case_killed():
    """Killed while a model is on its way: the conversation is as it was, and what waited is in the history."""
    with Place() as place:
        configure(place, '[remote.big]\nurl = "http://127.0.0.1:9/v1"\nkey_command = "sleep 1000"\n')
        first = twin(place, "first", "said by the first<turn|>", "the second answer<turn|>")
        screen = Screen(place, "-m", first, columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("speak")
            screen.wait("said by the first")
            screen.say("/model big")
            screen.wait("loading remote:big")
            screen.say("are you there")
            screen.wait("after this: are you there")
            os.kill(screen.pid(), signal.SIGKILL)
            screen.wait("[exit")
        finally:
            screen.close()
        check(named(place) == "script", named(place))
        screen = Screen(place, "-m", first, "-c", columns=110, rows=40)
        try:
            screen.wait("said by the first", "speak")
            screen.key("Up", "Up")
            screen.wait("> are you there")
        finally:
            screen.close()


def case_lost():
    """A model that cannot be loaded is said to every message, in a new conversation too; mended, the same name loads it."""
    with Place() as place:
        broken, whole = os.path.join(place.root, "broken.gguf"), open(NANO, "rb").read()
        with open(broken, "wb") as file:
            file.write(whole[:50000])
        screen = Screen(place, "-m", broken, columns=110, rows=40)
        try:
            screen.wait("the file ends here")
            screen.say("/new")
            screen.wait("A new conversation", gone=("the file ends here",))
            screen.say("list the files")
            screen.wait("> list the files", "the file ends here")
            with open(broken, "wb") as file:
                file.write(whole)
            screen.say("/model " + broken)
            screen.wait("goes on with this conversation.")
            screen.say("list the files")
            screen.wait("There are no files here.")
        finally:
            screen.close()


def case_settings_stay():
    """What was chosen on the screen holds in the next conversation too."""
    with Place() as place:
        call = '<|tool_call>call:write_file{content:<|"|>x<|"|>,path:<|"|>made.txt<|"|>}<tool_call|>'
        screen = Screen(place, "-m", twin(place, "first", call, "it was not<turn|>"), columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("/mode read-only")
            screen.wait("Mode: read-only.")
            screen.say("/new")
            screen.wait("A new conversation")
            screen.say("make it")
            screen.wait("it was not")
            check(not os.path.exists(os.path.join(place.work, "made.txt")), "read-only was shown, and a file was made")
            check("y once" not in screen.text(), "read-only was shown, and it asked")
        finally:
            screen.close()


main(globals())
