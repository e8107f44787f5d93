#!/usr/bin/env python3
"""`carat batch`: many prompts, in order, stopped and gone on with, here and at a server."""
import json
import os
import pty
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *

SCHEMA = {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"], "additionalProperties": False}


UMASK = os.umask(0o022)
os.umask(UMASK)


def write_lines(place, lines, name="in.jsonl"):
    place.write(name, "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def results(text):
    return [json.loads(line) for line in text.splitlines()]


def case_results():
    with Place() as place:
        write_lines(place, [{"id": "a", "prompt": "what is 17 * 23"}, "", {"id": 2, "prompt": "hello", "system": "Be kind."},
                            "no json", {"prompt": "hello", "zebra": 1}, {"prompt": 7}, {"prompt": "x", "schema": {"type": "colour"}},
                            {"id": None, "prompt": "hello"}])
        run = place.carat("batch", "in.jsonl", code=4)
        got = results(run.stdout)
        check([one["line"] for one in got] == [1, 3, 4, 5, 6, 7, 8], got)
        check(got[0]["id"] == "a" and got[0]["text"] == "17 * 23 is 391." and "error" not in got[0], got[0])
        check(got[1]["id"] == 2 and got[1]["text"].startswith("Hello"), got[1])
        check(got[6]["id"] is None and got[6]["text"].startswith("Hello"), got[6])
        for one, words in zip(got[2:6], ("not a JSON object", "zebra", "prompt", "colour")):
            check(words in one["error"]["message"] and one["error"]["code"] == 42, one)
        check("7 of 7 lines are done, 4 of them failed" in run.stderr and "\033" not in run.stderr, run.stderr)
        check(len(place.carat("sessions").stdout.splitlines()) == 3, "each prompt is a conversation of its own")
        check(got[0]["conversation"] in place.carat("sessions").stdout, got[0])
        check(place.carat("batch", "-", "--ephemeral", stdin='{"prompt": "hello"}').stdout.count("Hello") == 1, "from a pipe")

        model = script(place, '{"done": true}<turn|>', "three<turn|>")
        write_lines(place, [{"prompt": "x", "schema": SCHEMA}, {"prompt": "y"}])
        place.write("schema.json", json.dumps(SCHEMA))
        fine, wrong = results(place.carat("batch", "in.jsonl", "-m", model, "--schema", "schema.json", code=1).stdout)
        check(fine["output"] == {"done": True} and "error" not in fine, fine)
        check(wrong["error"]["code"] == 65 and "output" not in wrong and wrong["text"] == "three", wrong)


def case_prefix_is_kept():
    """Whatever the order of the prompts: what they have in common is read once."""
    with Place() as place:
        prompts = ["hello", "list the files", "what is 17 * 23", "hello", "create a.txt with the text b", "list the files"]
        write_lines(place, [{"prompt": prompt} for prompt in prompts])
        got = results(place.carat("batch", "in.jsonl").stdout)
        first = got[0]["usage"]
        check(first["cached_input_tokens"] == 0 and first["input_tokens"] > 700, first)
        for one in got[1:]:
            check(one["usage"]["cached_input_tokens"] > 700, one)


def case_goes_on():
    """kill -9 in the middle: what is complete stays as it is, a torn line is mended, the rest follows."""
    with Place() as place:
        write_lines(place, [{"id": number, "prompt": "hello"} for number in range(12)])
        out = os.path.join(place.work, "out.jsonl")
        slow = script(place, *[{"text": f"answer {number}<turn|>", "delay_ms": 60} for number in range(12)])
        run = subprocess.Popen([CARAT, "batch", "in.jsonl", "-o", out, "-m", slow], cwd=place.work, env=place.env)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not (os.path.exists(out) and open(out).read().count("\n") >= 3):
            time.sleep(0.02)
        second = place.carat("batch", "in.jsonl", "-o", out, code=42)
        check("another process" in second.stderr, second.stderr)
        check(os.stat(out).st_mode & 0o777 == 0o666 & ~UMASK, "as a shell would make it")
        run.kill()
        run.wait()
        before = open(out).read()
        done = before.count("\n")
        check(3 <= done < 12, before)
        with open(out, "a") as file:
            file.write('{"line": 9, "torn')
        place.carat("batch", "in.jsonl", "-o", out)
        after = open(out).read()
        check(after.startswith(before[:before.rindex("\n") + 1]), "what was complete is untouched")
        got = results(after)
        check([one["id"] for one in got] == list(range(12)), got)
        check(all("answer" in one["text"] for one in got[:done]) and all("Hello" in one["text"] for one in got[done:]), got)
        stamp = os.stat(out).st_mtime_ns
        place.carat("batch", "in.jsonl", "-o", out)
        check(open(out).read() == after and os.stat(out).st_mtime_ns >= stamp, "all is done already")

        write_lines(place, [{"id": "other", "prompt": "hello"}], "other.jsonl")
        check("another prompt" in place.carat("batch", "other.jsonl", "-o", out, code=42).stderr, "of other prompts")
        check(open(out).read() == after, "and it is left as it is")
        place.write("letter.txt", "Dear all,\n")
        check("no result" in place.carat("batch", "in.jsonl", "-o", "letter.txt", code=42).stderr, "a file of something else")
        check(place.read("letter.txt") == "Dear all,\n", "is not touched")


def case_interrupted():
    with Place() as place:
        write_lines(place, [{"prompt": "hello"}] * 5)
        slow = script(place, *[{"text": "one two three four five six<turn|>", "delay_ms": 60}] * 5)
        run = subprocess.Popen([CARAT, "batch", "in.jsonl", "-o", "out.jsonl", "-m", slow], cwd=place.work, env=place.env,
                               stderr=subprocess.PIPE, text=True)
        out = os.path.join(place.work, "out.jsonl")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not (os.path.exists(out) and open(out).read().count("\n") >= 1):
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=PATIENCE)
        check(run.returncode == 130 and "of 5 lines are done" in err, (run.returncode, err))
        check(all("error" not in one for one in results(open(out).read())), "what was stopped is no result")
        check("57" not in place.carat("batch", "in.jsonl", "-m", "/nowhere.gguf", code=57).stdout, "no model")
        with open(os.path.join(place.root, "bad.gguf"), "w") as file:
            file.write("GGUF")
        lost = place.carat("batch", "in.jsonl", "-m", os.path.join(place.root, "bad.gguf"), code=1)
        check(lost.stdout == "" and "bad.gguf" in lost.stderr, "a model that cannot be loaded fails the run, not each line")
        reader, writer = os.pipe()
        os.close(reader)
        run = subprocess.run([CARAT, "batch", "in.jsonl"], cwd=place.work, env=place.env, stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        check(run.returncode == 1, (run.returncode, run.stderr))


def case_parallel():
    """N requests at once, results in order all the same, a refusal of one is its own."""
    with Place() as place, ModelServer() as server:
        write_lines(place, [{"id": number, "prompt": "refuse" if number == 5 else f"word{number}"} for number in range(12)])
        began = time.monotonic()
        run = place.carat("batch", "in.jsonl", "--parallel", "4", "-m", "remote:big", "--remote-url", server.url("slow"),
                          "--no-tools", "-o", "out.jsonl", code=1)
        print(f"12 answers of 0.4 s in {time.monotonic() - began:.1f} s")
        got = results(place.read("out.jsonl"))
        check([one["id"] for one in got] == list(range(12)), got)
        check(server.server.peak == 4, server.server.peak)
        for one in got:
            wanted = "not that" in one["error"]["message"] if one["id"] == 5 else one["text"].strip() == f"heard word{one['id']}"
            check(wanted, one)
        check("--parallel" in place.carat("batch", "in.jsonl", "--parallel", "2", code=2).stderr, "the model here is one")


def case_progress():
    """On a terminal's standard error a bar; the results are as they are."""
    with Place() as place:
        write_lines(place, [{"prompt": "hello"}] * 4)
        master, slave = pty.openpty()
        run = subprocess.Popen([CARAT, "batch", "in.jsonl"], cwd=place.work, env=place.env, stdout=subprocess.PIPE, stderr=slave,
                               text=True)
        os.close(slave)
        out, _ = run.communicate(timeout=PATIENCE)
        drawn = b""
        try:
            while piece := os.read(master, 4096):
                drawn += piece
        except OSError:
            pass
        os.close(master)
        check(len(results(out)) == 4 and run.returncode == 0, out)
        check(b"0/4" in drawn and b"4/4  [====" in drawn and b"left" in drawn, drawn)


main(globals())
