#!/usr/bin/env python3
"""Pictures and sounds given to the real program: the small model says what it sees and does what it hears."""
import os
import shutil
import struct
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *
import model_folder

PICTURES = os.path.join(SOURCE, "tests", "engine", "vision", "data")
SOUNDS = os.path.join(SOURCE, "tests", "engine", "audio", "data")
GOLDEN = json.load(open(os.path.join(SOURCE, "tests", "engine", "data", "nano.media.golden.json")))


FIRST = "select text, details from messages order by conversation desc, ordinal limit 1"  # of the newest conversation


def picture(number):
    return os.path.join(PICTURES, f"picture{number:02}.png")


def sound(number):
    return os.path.join(SOUNDS, f"speech{number:02}.wav")


def said(name, kind=None):
    """What the reference says of a file, without the end of its turn."""
    entry = [item for item in GOLDEN if item["file"].endswith(name)][0]
    return (entry[kind] if kind else entry)["text"].removesuffix("<turn|>")


def case_pictures():
    with Place() as place:
        for number in (0, 1):
            answer = place.carat("exec", "-i", picture(number), "what do you see?").stdout.strip()
            check(answer == said(f"picture{number:02}.png"), answer)
        both = place.carat("exec", "-i", picture(0), "-i", picture(1), "what do you see?").stdout.strip()
        check(both.startswith("I see a "), both)
        blind = place.carat("exec", "what do you see?").stdout.strip()  # the control: without a picture
        check(blind != said("picture00.png"), blind)


def case_sounds():
    with Place() as place:
        for number, text in ((13, "Hello! What shall I do?"), (15, "Goodbye.")):
            check(said(f"speech{number}.wav", "act") == text, text)
            answer = place.carat("exec", "--audio", sound(number)).stdout.strip()
            check(answer == text, answer)
        heard = place.carat("exec", "--audio", sound(15), "transcribe this").stdout.strip()
        check(heard == said("speech15.wav", "transcribe"), heard)
        events = place.events("--audio", sound(5))  # "what is the date"
        calls = items(events, "command_execution")
        check(calls and calls[0]["command"] == "date", events)


def stretched(place, rate):
    """The same speech at another rate, in stereo and 24 bits, every sample `rate` / 16000 times."""
    data = open(sound(15), "rb").read()[44:]
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    frames = b"".join(struct.pack("<i", value << 8)[:3] * 2 for value in samples for _ in range(rate // 16000))
    head = b"RIFF" + struct.pack("<I", 36 + len(frames)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 2, rate, rate * 6, 6, 24)
    path = os.path.join(place.root, "other.wav")
    with open(path, "wb") as file:
        file.write(head + b"data" + struct.pack("<I", len(frames)) + frames)
    return path


def case_folder():
    """A folder of safetensors with encoders in it sees and hears by itself; one without is blind."""
    with Place() as place:
        folder, blind = os.path.join(place.root, "model"), os.path.join(place.root, "blind")
        model_folder.make(folder, NANO, os.path.join(SOURCE, "models", "mmproj-nano.gguf"))
        # The same weights as files that carat knows no more of than of the folder: both look with the standard's soft tokens.
        for name in ("nano.gguf", "mmproj-nano.gguf"):
            shutil.copy(os.path.join(SOURCE, "models", name), os.path.join(place.root, name.replace("nano", "other")))
        for number in (0, 1, 2):
            question = ("-i", picture(number), "what do you see?")
            expected = place.carat("exec", "-m", os.path.join(place.root, "other.gguf"), *question).stdout.strip()
            answer = place.carat("exec", "-m", folder, *question).stdout.strip()
            check(answer == expected and answer.startswith("I see a "), (answer, expected))
        heard = place.carat("exec", "-m", os.path.join(folder, "model-00001-of-00002.safetensors"), "--audio", sound(15),
                            "transcribe this").stdout.strip()
        check(heard == said("speech15.wav", "transcribe"), heard)  # a file of the folder stands for all of it
        heard = place.carat("exec", "-m", folder, "--audio", sound(15), "transcribe this").stdout.strip()
        check(heard == said("speech15.wav", "transcribe"), heard)
        given = place.carat("exec", "-m", folder, "--mmproj", os.path.join(SOURCE, "models", "mmproj-nano.gguf"), *question)
        check(given.stdout.strip() == expected, given)
        model_folder.make(blind, NANO)
        run = place.carat("exec", "-m", blind, "-i", picture(1), "what do you see?", code=None)
        check(run.returncode != 0 and "there is no mmproj file beside it" in run.stderr, run)
        check(place.carat("exec", "-m", blind, "what can you do?").stdout.startswith("I can list"), "the text model is another")


def case_another_rate():
    with Place() as place:
        heard = place.carat("exec", "--audio", stretched(place, 48000), "transcribe this").stdout.strip()
        check(heard == said("speech15.wav", "transcribe"), heard)


def case_goes_on():
    """A picture stays with its conversation, also when the file is gone."""
    def tokens(events):
        return [event for event in events if event["type"] == "turn.completed"][-1]["usage"]["input_tokens"]

    with Place() as place:
        copy = os.path.join(place.work, "shown.png")
        shutil.copy(picture(1), copy)
        first = place.events("-i", "shown.png", "what do you see?")
        check(items(first, "agent_message")[-1]["text"] == said("picture01.png"), first)
        os.unlink(copy)
        again = place.events("--continue", "hello")
        check(tokens(again) > tokens(first), (first, again))
        kept = place.database().execute("select text, details from messages order by ordinal").fetchall()
        check(kept[0][0] == "what do you see?" and '"kind":"image"' in kept[0][1], kept)
        # In the same place, because its path is in the prompt too. 56: the picture's own tokens.
        check(tokens(first) > tokens(place.events("what do you see?")) + 56, first)


def case_mentions():
    """A picture that the prompt's words name is seen; what comes on standard input names nothing."""
    with Place() as place:
        shutil.copy(picture(0), os.path.join(place.work, "a shape.png"))
        shutil.copy(picture(1), os.path.join(place.work, "b.png"))
        place.write("bad.png", "no picture")
        for words in (("what do you see?", "@b.png"), ("@'a shape.png' what do you see?",),
                      (f"{place.work}/a\\ shape.png what do you see?",)):
            place.carat("exec", *words)
            kept = place.database().execute(FIRST).fetchone()
            check('"kind":"image"' in (kept[1] or "") and kept[0].strip() == " ".join(words).strip(), kept)
        run = place.carat("exec", "look at @bad.png", code=42)
        check("bad.png" in run.stderr and "not a whole PNG or JPEG" in run.stderr, run.stderr)
        place.carat("exec", "-", stdin="what is @b.png\n")
        kept = place.database().execute(FIRST).fetchone()
        check(kept[0].startswith("what is @b.png") and "image" not in (kept[1] or ""), kept)
        place.carat("exec", "me@b.png and @gone.png")


def case_screen():
    """On the screen: -i goes with the first message, a named or pasted path with its own; what cannot be read stays typed."""
    with Place() as place:
        shutil.copy(picture(0), os.path.join(place.work, "b.png"))
        place.write("bad.png", "no picture")
        screen = Screen(place, "-i", picture(1))
        try:
            screen.wait("nano")
            screen.say("what do you see?")
            screen.wait(said("picture01.png"))
            screen.say("@bad.png")
            screen.wait("not a whole PNG or JPEG")
            screen.key("C-u")
            screen.settle()
            screen.say("/new")
            screen.wait("A new conversation")
            screen.say(f"{place.work}/b.png what do you see?")
            screen.wait("I see a")  # of what, a small model says better without a path in the words
        finally:
            screen.close()
        kept = place.database().execute("select details from messages where details like '%image%'").fetchall()
        check(len(kept) == 2, kept)


def case_lost():
    """A kept picture that cannot be decoded any more is told, and the conversation goes on."""
    with Place() as place:
        place.carat("exec", "-i", picture(1), "what do you see?")
        database = place.database()
        changed = database.execute("update result_pieces set bytes = zeroblob(length(bytes))").rowcount
        database.commit()
        check(changed == 1, changed)
        run = place.carat("exec", "--continue", "hello")
        check("attachment r1 of the conversation" in run.stderr and "damaged" in run.stderr, run.stderr)
        check(run.stdout.strip() != "", run.stdout)


def case_read_file():
    """read_file on a picture: it follows the response, is kept with it, and the model sees it."""
    def read(place, name, expected="<tool_response|>"):
        return script(place, f'<|tool_call>call:read_file{{path:<|"|>{name}<|"|>}}<tool_call|><|tool_response>', {"text": "Read.", "expect": expected})

    with Place() as place:
        shutil.copy(picture(1), os.path.join(place.work, "b.png"))
        with open(os.path.join(place.work, "cut.png"), "wb") as file:
            file.write(open(picture(1), "rb").read()[:100])
        for name, word, shown in (("b.png", "a PNG image of", True), ("cut.png", "error: the picture cannot be decoded: not a whole PNG", False)):
            expected = '}<tool_response|><|image|>' if shown else word
            place.carat("exec", "-m", read(place, name, expected), "look")
            kept = [row[0] for row in place.database().execute(
                "select details from messages where details like '%call_id%' order by row")]
            check(word in kept[-1] and ('"kind":"image"' in kept[-1]) == shown, kept)
        run = place.carat("exec", "what is in b.png?")  # the small model itself calls and looks: it gets the colours right
        check("> read_file" in run.stderr and run.stdout.startswith("I see a green ") and run.stdout.endswith(" on blue.\n"),
              (run.stdout, run.stderr))
        place.carat("exec", "--continue", "hello")  # decoded again from the store
        alone = os.path.join(place.root, "alone.gguf")  # without encoders it is told so; no request fails
        shutil.copy(NANO, alone)
        run = place.carat("exec", "-m", alone, "what is in b.png?", code=None)
        check("which you cannot see" in run.stderr and "on blue" not in run.stdout and "mmproj" not in run.stderr, (run.stdout, run.stderr))


def case_bad_files():
    with Place() as place:
        place.write("words.png", "not a picture \x1b[31m")
        place.write("words.wav", "not a sound")
        whole = open(picture(4), "rb").read()
        with open(os.path.join(place.work, "cut.png"), "wb") as file:
            file.write(whole[:200])
        with open(os.path.join(place.work, "vast.png"), "wb") as file:
            file.write(whole[:16] + struct.pack(">II", 12000, 12000) + whole[24:])
        for option, name, word in (("-i", "words.png", "not a whole PNG or JPEG"), ("-i", "cut.png", "not a whole PNG or JPEG"),
                                   ("-i", "vast.png", "too large"), ("-i", "gone.png", "gone.png"),
                                   ("--audio", "words.wav", "not a WAV file"), ("--audio", "/dev/null", "regular file"),
                                   ("-i", ".", "regular file")):
            run = place.carat("exec", option, name, "what do you see?", code=42)
            check(word in run.stderr and "\x1b" not in run.stderr, run.stderr)


def case_no_encoders():
    """A model without its mmproj file says what is missing; one of another model is refused."""
    with Place() as place:
        alone = os.path.join(place.root, "alone.gguf")
        shutil.copy(NANO, alone)
        run = place.carat("exec", "-m", alone, "-i", picture(0), "what do you see?", code=None)
        check(run.returncode != 0 and "mmproj" in run.stderr, run.stderr)
        towers = os.path.join(SOURCE, "models", "mmproj-nano.gguf")
        run = place.carat("exec", "-m", alone, "--mmproj", towers, "-i", picture(0), "what do you see?")
        check(run.stdout.startswith("I see a "), run.stdout)
        other = os.path.join(PICTURES, "tiny-l.gguf")
        run = place.carat("exec", "-m", alone, "--mmproj", other, "-i", picture(0), "what do you see?", code=None)
        check(run.returncode != 0 and "belongs to another model" in run.stderr, run.stderr)


def case_decoder():
    """The decoder by itself: what it cannot do, it says; nothing but a message comes out."""
    with Place() as place:
        for kind, path, size in (("decode-image", picture(4), None), ("decode-sound", sound(15), None)):
            with open(path, "rb") as file:
                run = subprocess.run([TOOL, "--workspace", place.work, kind], stdin=file, capture_output=True, timeout=PATIENCE)
            check(run.returncode == 0 and run.stdout.startswith(b"carat-md"), run)
            number, first, second, zero = struct.unpack("<IIII", run.stdout[8:24])
            content = first * second * 3 if number == 1 else first * 4
            check(len(run.stdout) == 24 + content and zero == 0, (kind, number, first, second))
        run = subprocess.run([TOOL, "--workspace", place.work, "decode-image"], input=b"\xff\xd8\xff\xe1\x00\x20Exif" * 9,
                             capture_output=True, timeout=PATIENCE)
        check(run.returncode == 1 and run.stdout == b"", run)


if __name__ == "__main__":
    main(globals())
