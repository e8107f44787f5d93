#!/usr/bin/env python3
"""O and U: bytes that would command the terminal, and calls that look like other calls in a question.

O: a tool prints them, a file holds them and the model says them, on the screen and line by line; every byte that carat writes
to the terminal is looked at. U: each call is asked for, and the question must spell out what hides or misleads.
"""
import random
import re

from terminal import *

ESC = b"\x1b"
OSC = {"O01": (b"0;title", "OSC 0, title"), "O02": (b"2;title", "OSC 2"), "O03": (b"4;1;?", "OSC 4, colours"), "O04": (b"7;file:///etc", "OSC 7, folder"),
       "O05": (b"8;;http://x/", "OSC 8, link"), "O06": (b"9;note", "OSC 9"), "O07": (b"10;?", "OSC 10"), "O08": (b"11;?", "OSC 11"),
       "O09": (b"52;c;eA==", "OSC 52, clipboard"), "O10": (b"133;A", "OSC 133"), "O11": (b"777;notify;a;b", "OSC 777"), "O12": (b"1337;File=:eA==", "OSC 1337")}
PAYLOADS = [(number, name, b"\x1b]" + text + b"\x07", b"\x1b]" + text[:3]) for number, (text, name) in OSC.items()] + [
    ("O13", "CSI 6n, where is the cursor", b"\x1b[6n", b"\x1b[6n"),
    ("O14", "CSI c, what are you", b"\x1b[c", b"\x1b[c"),
    ("O15", "CSI 18t, how large are you", b"\x1b[18t", b"\x1b[18t"),
    ("O16", "the title, read back", b"\x1b[21t", b"\x1b[21t"),
    ("O17", "DECRQSS", b"\x1bP$qm\x1b\\", b"\x1bP"),
    ("O18", "DCS", b"\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\", b"\x1bP"),
    ("O19", "APC, a picture", b"\x1b_Ga=T;eA==\x1b\\", b"\x1b_"),
    ("O20", "PM", b"\x1b^words\x1b\\", b"\x1b^"),
    ("O21", "SOS", b"\x1bXwords\x1b\\", b"\x1bX"),
    ("O22", "OSC without an end", b"\x1b]0;no end", b"\x1b]0;"),
    ("O23", "8-bit C1", b"\x9b31m \x9d0;x\x9c \x90q\x9c", b"\x9b31m"),
    ("O24", "C1 in UTF-8", "\x9b31m \x9d0;x\x9c".encode(), "\x9b31m".encode()),
    ("O25", "ESC c, reset", b"\x1bc", b"\x1bc"),
    ("O27", "backspaces over words", b"rm -rf /" + b"\x08" * 8 + b"ls harmless", b"\x08" * 8),
    ("O28", "a million combining marks", b"e" + "\u0301".encode() * 1_000_000, "\u0301".encode() * 1000),
    ("O29", "overlong UTF-8", b"\xc0\x9b[31m \xe0\x80\x9b]0;x\x07", b"\xc0\x9b"),
    ("O31", "cells of a picture that the terminal holds", "\U0010eeee\u0305\u0305".encode(), "\U0010eeee".encode()),
]
SPLIT = r"printf '\033'; sleep 0.2; printf ']52;c;eA==\007'"
# What ncurses sends for this terminal and we for modes: nothing else may follow an ESC.
SCREEN = re.compile(rb"\x1b(\[2[23];0;0t|\[[0-9;?>]*[ABCDEFGHJKLMPSTXZ@`abdefghlmrsu]|\[[0-9;?]*\$?[hl]|[()][0AB]|[78=>DEHM])")
GRAPHICS = ("--set=tui.pictures=kitty",)  # where they are on, nobody else's pictures are shown either
LINES = re.compile(rb"\x1b\[[0-9;]*m")


def foreign(output, known):
    """The first sequence that is not one of the known ones, or a bare control; None is well."""
    rest = known.sub(b"", output)
    wrong = re.search(rb"\x1b.{0,12}|[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]", rest, re.S)
    if wrong:
        return repr(wrong.group())
    text = rest.decode("utf-8", "replace")
    wrong = re.search("[\x80-\x9f]", text)
    return repr(wrong.group()) if wrong else None


def payload_calls(place):
    """Each payload from a file by two tools; those that are UTF-8 also from the model itself."""
    calls, words = [], ""
    for number, _, payload, _ in PAYLOADS:
        with open(os.path.join(place.work, number), "wb") as file:
            file.write(payload)
        calls += [call("shell", command=f"cat {number}"), call("read_file", path=number)]
        if number not in ("O23", "O28", "O29"):
            words += payload.decode() + "\n\n"
    calls.append(call("shell", command=SPLIT))
    calls.append("Look: " + words.replace("\x00", "") + "\n\nTHE END")
    return script(place, *calls)


def outputs():
    """What a screen, a line-by-line session and exec write to a terminal while all that is shown."""
    limits = ("--max-turns", "200", "--max-tool-calls", "200", "--max-tokens", "100000", "--mode", "full")
    found = {}
    for name, words, known in (("screen", GRAPHICS, SCREEN), ("plain", ("--plain",), LINES), ("exec", ("exec", "go"), LINES)):
        with Place() as place:
            model = payload_calls(place)
            terminal = Terminal(place, CARAT, *limits, *words[:1], "-m", model, *words[1:])
            try:
                if name != "exec":
                    terminal.wait(b"script" if name == "screen" else b">")
                    time.sleep(0.3)
                    terminal.send(b"go\r" if name == "screen" else b"go\n")
                terminal.wait(b"THE END")
                begin = len(terminal.output)
                if name != "exec":
                    terminal.send(b"\x1b[200~echo a\x1b[201~\x1b]0;pasted\x07tail\x1b[201~" if name == "screen" else b"\x1b]0;pasted\x07\n")
                    terminal.wait(b"a", since=begin)
                terminal.take_all()
            finally:
                terminal.close()
            found[name] = (terminal.output, foreign(terminal.output, known))
    return found


def case_orders():
    shown = outputs()
    with Place() as place:
        payload_calls(place)
        for number, name, payload, signature in PAYLOADS:
            through = [where for where, (output, _) in shown.items() if signature in output]
            strange = [f"{where}: {wrong}" for where, (_, wrong) in shown.items() if wrong]
            if number == "O28":
                through = [where for where, (output, _) in shown.items() if len(output) > 5_000_000]
            if number == "O31":  # line by line no picture is ever sent, and no colour names one
                through = ["screen"] if signature in shown["screen"][0] else []
            report(number, name, (through or strange) and f"{through} {strange}", signature in freely_shown("cat", os.path.join(place.work, number)))
        report("O30", "a sequence in two pieces", [where for where, (output, _) in shown.items() if b"\x1b]52" in output],
               b"\x1b]52" in freely_shown("sh", "-c", SPLIT))
    report("O26", "the end of a paste, inside a paste", [where for where, (output, _) in shown.items() if b"\x1b]0" in output or b"\x1b[201~" in output],
           b"\x1b[201~" in freely_shown("printf", r"\033[201~"))


def spelled(code_points):
    return [f"\\u{{{point:X}}}" for point in code_points]


RANGES = [
    ("U01", "bidi embeddings", range(0x202A, 0x202F)), ("U02", "bidi isolates", range(0x2066, 0x206A)), ("U03", "zero width and marks", range(0x200B, 0x2010)),
    ("U04", "invisible operators", range(0x2060, 0x2065)), ("U05", "byte order mark", [0xFEFF]), ("U06", "soft hyphen", [0xAD]),
    ("U07", "grapheme joiner", [0x34F]), ("U08", "Arabic mark", [0x61C]), ("U09", "Mongolian separator", [0x180E]), ("U10", "Hangul filler", [0x115F]),
    ("U11", "Hangul filler of Korean", [0x3164]), ("U12", "half-width filler", [0xFFA0]), ("U13", "variation selectors", range(0xFE00, 0xFE10)),
    ("U14", "tags", [0xE0001, *range(0xE0020, 0xE0080)]), ("U15", "more selectors", range(0xE0100, 0xE0110)), ("U16", "Cyrillic а in a Latin word", [0x430]),
    ("U17", "full-width ;", [0xFF1B]), ("U19", "other spaces", [0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]),
    ("U22", "mathematical letters", range(0x1D5B8, 0x1D5C4)), ("U23", "Roman numerals, Lisu and phonetics in a Latin word", [0x217C, 0xA4F2, 0x251, 0x261]),
    ("U24", "fillers and marks of other scripts", [0x1160, 0x17B4, 0x180B, 0x2800, 0xFFF9, 0x1BCA0, 0x1D173, 0xE0FFF]),
]
# Padding that does not repeat, for a model that repeats itself is stopped.
PADDING = random.Random(18)
LONG = [
    ("U18", "500 blanks and tabs", "ls" + "".join(PADDING.choice(" \t") for _ in range(500)) + "; touch breached"),
    ("U20", "300 newlines", "ls" + "".join("\n" + " " * PADDING.randrange(3) for _ in range(300)) + "touch breached"),
    ("U21", "one very long line", "ls " + "".join(map(str, range(1000))) + "; touch breached"),
]


def case_questions():
    rows = [(number, name, "ls x" + "x".join(map(chr, points)), spelled(points)) for number, name, points in RANGES] + \
           [(number, name, command, ["touch breached"]) for number, name, command in LONG]
    with Place() as place:
        model = script(place, *[call("shell", command=command) for _, _, command, _ in rows], "THE END")
        terminal = Terminal(place, CARAT, "--plain", "--mode", "ask", "--max-turns", "100", "--max-tokens", "100000", "-m", model, columns=4000)
        try:
            terminal.wait(b">")
            terminal.send(b"go\n")
            for number, name, command, wanted in rows:
                begin = len(terminal.output)
                terminal.wait(b"question: shell", since=begin)
                quiet = time.monotonic() + 0.7  # keys that come earlier answer nothing, by design
                while time.monotonic() < quiet:
                    terminal.take()
                text = terminal.output[begin:].decode("utf-8", "replace").replace("\r\n", "\n")
                flat = text.replace("\n", "")
                missing = [word for word in wanted if word not in flat]
                hidden = [char for char in command if ord(char) > 0x7F and char in text]
                report(number, name, (missing or hidden or exists(place.work, "breached")) and
                       f"missing {missing[:3]}, as it is {hidden[:3]}: {text[:300]}", text.isprintable() is False and "ls" in text)
                terminal.send(b"n\n")
        finally:
            terminal.close()


main(globals())
