#!/usr/bin/env python3
"""Clips given to the real program: a picture of each second, with its time; what is too long or broken is told in words."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

PICTURES = os.path.join(SOURCE, "tests", "engine", "vision", "data")
SIZE = 336  # of a frame, either way


def make(place, name, numbers, seconds=1, rate=10, codec="libx264"):
    """A clip that shows each of the small model's pictures for some seconds."""
    words = ["ffmpeg", "-v", "error", "-y"]
    for number in numbers:
        words += ["-loop", "1", "-framerate", str(rate), "-t", str(seconds), "-i", os.path.join(PICTURES, f"picture{number:02}.png")]
    scaled = "".join(f"[{i}]scale={SIZE}:{SIZE}:flags=bicubic,setsar=1[s{i}];" for i in range(len(numbers)))
    joined = "".join(f"[s{i}]" for i in range(len(numbers))) + f"concat=n={len(numbers)}:v=1"
    path = os.path.join(place.work, name)
    subprocess.run([*words, "-filter_complex", scaled + joined, "-c:v", codec, "-pix_fmt", "yuv420p", "-threads", "1", path], check=True,
                   timeout=PATIENCE)
    return path


def first_message(place):
    return place.database().execute("select details from messages order by row limit 1").fetchone()[0]


def case_seen():
    """Three seconds are three pictures behind their times, between the same tokens as a picture; the words follow."""
    with Place() as place:
        make(place, "clip.mp4", (0, 1, 4))
        expected = "00:00 <|video|> 00:01 <|video|> 00:02 <|video|>what happens?"
        for words in (("-i", "clip.mp4", "what happens?"),):
            place.carat("exec", "-m", script(place, {"text": "Seen.<turn|>", "expect": expected}), *words)
        kept = json.loads(first_message(place))["parts"]
        check([part.get("text") for part in kept] == ["00:00", "00:01", "00:02", "what happens?"], kept)
        check([part["kind"] for part in kept] == ["video"] * 3 + ["text"], kept)
        os.unlink(os.path.join(place.work, "clip.mp4"))  # it goes on from what is kept
        place.carat("exec", "-m", script(place, {"text": "Again.<turn|>", "expect": expected}), "--continue", "and now?")


def case_model_sees():
    """The small model says what the frame of a clip shows, the same as of the picture."""
    with Place() as place:
        for number, colour in ((0, "red"), (1, "blue")):
            make(place, "one.webm", (number,), codec="libvpx")
            answer = place.carat("exec", "@one.webm what do you see?").stdout.strip()
            check(answer.startswith("I see a ") and answer.endswith(f" on {colour}."), answer)


def case_refused():
    """Longer than a minute, broken, or a list that asks for other files: words, and nothing is cut."""
    with Place() as place:
        make(place, "long.mp4", (0,), seconds=62, rate=2)
        make(place, "whole.mp4", (0,), seconds=60, rate=2)
        whole = open(make(place, "clip.mp4", (0, 1)), "rb").read()
        for name, data in (("cut.mp4", whole[:len(whole) // 2]), ("words.mp4", b"no clip \x1b[31m at all"), ("empty.mkv", b"\x1a\x45\xdf\xa3" + b"\0" * 99),
                           ("list.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
                           ("playlist.avi", b"#EXTM3U\nAVI \n#EXTINF:1,\n/etc/passwd\n")):
            with open(os.path.join(place.work, name), "wb") as file:
                file.write(data)
        for name, word in (("long.mp4", "is 62 s long; 60 s can be looked at"), ("cut.mp4", "not a clip that ffprobe can read"),
                           ("words.mp4", "not a whole PNG or JPEG"), ("empty.mkv", "not a clip"), ("list.mp4", "not a whole PNG"),
                           ("playlist.avi", "clip")):
            run = place.carat("exec", "-i", name, "what happens?", code=42)
            check(word in run.stderr and "\x1b" not in run.stderr and name in run.stderr, run.stderr)
        expected = "00:58 <|video|> 00:59 <|video|>"  # the control: a whole minute
        place.carat("exec", "-m", script(place, {"text": "Seen.<turn|>", "expect": expected}), "-i", "whole.mp4", "what happens?")


def case_without_ffmpeg():
    """The program that reads clips is named when it is not there."""
    with Place() as place:
        path = make(place, "clip.mp4", (0,))
        policy = os.path.join(place.root, "policy.json")
        for hidden, code in ((["/usr/bin"], 1), ([], 0)):
            with open(policy, "w") as file:
                json.dump({"read_only": True, "hidden": hidden}, file)
            with open(path, "rb") as file:
                run = subprocess.run([TOOL, "--workspace", place.work, "--policy", policy, "decode-clip"], stdin=file, capture_output=True,
                                     timeout=PATIENCE)
            check(run.returncode == code and (b"package ffmpeg" in run.stderr) == (code != 0), run)
            check((run.stdout[:8] == b"carat-md") == (code == 0), run.stdout[:99])


def case_screen():
    """On the screen a named clip goes with its message; its first frame is drawn."""
    with Place() as place:
        make(place, "clip.mp4", (0, 1))
        screen = Screen(place, "-m", script(place, {"text": "Seen it.<turn|>", "expect": "00:01 <|video|>@clip.mp4 what happens?"}))
        try:
            screen.wait("script")
            screen.say("@clip.mp4 what happens?")
            text = screen.wait("Seen it.")
            check(text.count(f"{SIZE} x {SIZE}") == 1, text)
        finally:
            screen.close()


main(globals())
