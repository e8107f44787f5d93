#!/usr/bin/env python3
"""`carat exec` as a part of scripts: several turns on standard input, other programs' names, schemas in the events."""
import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

SCHEMA = '{"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"], "additionalProperties": false}'


def message(content, **more):
    return json.dumps({"type": "user", "message": {"role": "user", "content": content}, **more}) + "\n"


def start(place, *words):
    return subprocess.Popen([CARAT, "exec", "--input-format", "stream-json", *words], cwd=place.work, env=place.env, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lines_of(run):
    return [json.loads(line) for line in run.stdout.splitlines()]


def case_several_turns():
    """One conversation, a turn for each line, in each form of output; from a pipe, a file, and one line at a time."""
    with Place() as place:
        two = message("what is 17 * 23") + "\n" + message([{"type": "text", "text": "hello"}], session_id="ignored").rstrip()
        stream = ("exec", "--input-format", "stream-json")
        claude = lines_of(place.carat(*stream, "--output-format", "stream-json", stdin=two))
        results = [line for line in claude if line["type"] == "result"]
        check([line["result"] for line in results] == ["17 * 23 is 391.", "Hello! What shall I do?"], claude)
        check([line["num_turns"] for line in results] == [2, 1], results)
        check(len({line["session_id"] for line in claude}) == 1, "one session")
        check(results[1]["usage"]["cache_read_input_tokens"] > 500, "the second turn goes on from the first")

        codex = lines_of(place.carat(*stream, "--json", stdin=two))
        kinds = [line["type"] for line in codex]
        check(kinds.count("thread.started") == 1 and kinds.count("turn.started") == kinds.count("turn.completed") == 2, kinds)
        ids = [line["item"]["id"] for line in codex if line["type"] == "item.completed"]
        check(len(set(ids)) == len(ids) == 3, ids)
        gemini = lines_of(place.carat(*stream, "--output-format", "gemini", stdin=two))
        asked = [line["content"] for line in gemini if line.get("role") == "user"]
        check(asked == ["what is 17 * 23", "hello"] and [line["type"] for line in gemini].count("init") == 1, gemini)

        place.write("turns.jsonl", two)
        with open(os.path.join(place.work, "turns.jsonl")) as file:
            run = subprocess.run([CARAT, *stream, "-"], cwd=place.work, env=place.env, stdin=file, capture_output=True, text=True,
                                 timeout=PATIENCE)
        check(run.returncode == 0 and run.stdout == "17 * 23 is 391.\nHello! What shall I do?\n", (run.stdout, run.stderr))

        talk = start(place)  # a caller that waits for each answer before it says more
        for text, answer in (("hello", "Hello!"), ("what is 17 * 23", "391"), ("hello", "Hello!")):
            line = message(text)
            talk.stdin.write(line[:11])
            talk.stdin.flush()
            time.sleep(0.05)
            talk.stdin.write(line[11:])
            talk.stdin.flush()
            check(answer in talk.stdout.readline(), (text, answer))
        talk.stdin.close()
        check(talk.wait(timeout=PATIENCE) == 0, "the end of the input is the end")
        check(place.carat(*stream, stdin="").stdout == "", "no message, no answer")


def case_input_mistakes():
    with Place() as place:
        for text, words in (("no json\n", "not JSON"), ("[1]\n", "type"), (message(""), "empty"), (message(7), "content"),
                            (message([{"type": "image"}]), "image"), ('{"type": "control"}\n', "control"),
                            (message("hello").replace('"role": "user"', '"role": "system"'), "system")):
            run = place.carat("exec", "--input-format", "stream-json", stdin=text, code=42)
            check(words in run.stderr and run.stdout == "", (text, run.stderr))
        run = place.carat("exec", "--input-format", "stream-json", "--output-format", "json", stdin=message("hello") + "oops\n", code=42)
        first, second = lines_of(run)
        check(first["subtype"] == "success" and second["is_error"] and "not JSON" in second["result"], run.stdout)
        run = place.carat("exec", "--input-format", "stream-json", "a prompt", stdin="", code=42)
        check("a prompt" in run.stderr, run.stderr)
        run = start(place)
        try:
            run.stdin.write("x" * (9 << 20))
        except BrokenPipeError:
            pass
        out, err = run.stdout.read(), run.stderr.read()
        run.wait(timeout=PATIENCE)
        check(run.returncode == 42 and "longer than" in err, (run.returncode, err))
        model = script(place, {"text": "never", "fail": "it broke"}, "well<turn|>")
        run = place.carat("exec", "-m", model, "--input-format", "stream-json", stdin=message("a") + message("b"), code=1)
        check("it broke" in run.stderr and run.stdout.endswith("well\n"), "a turn that fails is not the end of the session")


def case_waiting_ends():
    """Signals while it waits for a message; and a reader that goes away."""
    with Place() as place:
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            run = start(place, "--output-format", "stream-json")
            run.stdin.write(message("hello"))
            run.stdin.flush()
            while json.loads(run.stdout.readline())["type"] != "result":
                pass
            run.send_signal(number)
            check(run.wait(timeout=PATIENCE) == code, (number, run.returncode))
        run = start(place, "--output-format", "stream-json")
        run.stdout.close()
        run.stdin.write(message("hello") + message("hello"))
        run.stdin.flush()
        check(run.wait(timeout=PATIENCE) == 1, "nobody reads: the rest is not done")


def case_other_names():
    """What fingers know from other programs."""
    with Place() as place:
        check("391" in place.carat("run", "what is 17 * 23").stdout, "run is exec")
        thread = place.events("hello")[0]["thread_id"]
        again = place.carat("exec", "resume", thread, "--json", "hello")
        check(json.loads(again.stdout.splitlines()[0])["thread_id"] == thread, again.stdout)
        last = place.carat("exec", "resume", "--last", "--json", "hello")
        check(json.loads(last.stdout.splitlines()[0])["thread_id"] == thread, last.stdout)
        for flag in ("--schema", "--json-schema", "--output-schema"):
            check(place.carat("exec", "--no-tools", flag, SCHEMA, "hello").stdout.startswith('{"done":'), flag)
        model = script(place, "a<turn|>")
        for mode, ours in (("plan", "plan"), ("default", "default"), ("acceptEdits", "acceptEdits"),
                           ("bypassPermissions", "bypassPermissions"), ("read-only", "plan")):
            run = place.carat("exec", "-m", model, "--permission-mode", mode, "--output-format", "stream-json", "x")
            check(lines_of(run)[0]["permissionMode"] == ours, run.stdout)
        run = place.carat("exec", "-m", model, "--yolo", "--output-format", "stream-json", "x")
        check(lines_of(run)[0]["permissionMode"] == "bypassPermissions", run.stdout)
        check("takes no value" in place.carat("exec", "--yolo=1", "x", code=2).stderr, "a name for a value takes none")
        check("--permission-mode" in place.carat("exec", "--permission-mode", "wild", "x", code=2).stderr, "named as it was said")
        events = place.events("--disallowedTools", "shell", "what is 17 * 23", code=None)
        check(items(events, "command_execution")[0]["status"] == "declined", events)
        events = place.events("--disallowedTools", "Read, Bash(echo:*)", "what is 17 * 23", code=None)
        check(items(events, "command_execution")[0]["status"] == "declined", events)
        events = place.events("--mode", "ask", "--allowed-tools", "Task,Bash", "what is 17 * 23")
        check(items(events, "command_execution")[0]["status"] == "completed", events)
        check("Frobnicate" in place.carat("exec", "--allowedTools", "Read,Frobnicate", "x", code=2).stderr, "what is no tool of anybody's")
        place.carat("-p", "--verbose", "-m", model, "--output-format", "stream-json", "x")
        upper = "0199A213-81C0-7800-8AA1-BBAB2A035A53"
        place.carat("exec", "-m", model, "--session-id", upper, "x")
        check(json.loads(place.carat("sessions", "--json").stdout.splitlines()[0])["id"] == upper.lower(), "as uuidgen writes it")
        help = place.carat("--help").stdout
        check(help.count("--ax-screen-reader ") == 1, help)
        check(all(word in help for word in ("--output-schema", "--yolo", "--mode full", "--last")), help)


def case_prompts():
    with Place() as place:
        def said(*words):
            return place.carat("exec", *words, "x").stdout
        whole = said("-m", script(place, {"text": "yes", "expect": "Speak of rivers.\n\nIn verse."}), "--system-prompt",
                     "Speak of rivers.", "--append-system-prompt", "In verse.")
        check(whole == "yes\n", whole)
        place.write("more.txt", "In prose.")
        added = said("-m", script(place, {"text": "yes", "expect": "\n\nIn prose."}), "--append-system-prompt-file", "more.txt")
        check(added == "yes\n", added)
        kept = said("-m", script(place, {"text": "yes", "expect": os.path.realpath(place.work)}), "--append-system-prompt", "In verse.")
        check(kept == "yes\n", "the built-in text stands before what is added")


def case_ephemeral():
    with Place() as place:
        events = place.events("--ephemeral", "create notes.txt with the text hello river")
        check(items(events, "file_change")[0]["changes"] == [{"path": "notes.txt", "kind": "add"}], events)
        check(place.read("notes.txt").strip() == "hello river", "what it did is done")
        check(place.carat("sessions").stdout == "", "and nothing is kept of how")
        place.carat("exec", "hello")
        check(len(place.carat("sessions").stdout.splitlines()) == 1, "the control: without it a conversation is kept")


def case_structured_output():
    """--schema in each form: the value where it fits; an error, once, where a server's answer does not."""
    with Place() as place:
        fine, wrong = {"text": '{"done": true}<turn|>'}, {"text": "three<turn|>"}

        def ended(form, turn, code):
            run = place.carat("exec", "-m", script(place, turn), "--schema", SCHEMA, "--output-format", form, "x", code=code)
            return lines_of(run)
        end = ended("stream-json", fine, 0)[-1]
        check(end["subtype"] == "success" and end["structured_output"] == {"done": True}, end)
        only = ended("json", wrong, 65)
        check(len(only) == 1 and only[0]["subtype"] == "error_max_structured_output_retries", only)
        check(only[0]["is_error"] and "not JSON" in only[0]["result"] and "structured_output" not in only[0], only)
        check(ended("codex", fine, 0)[-1]["type"] == "turn.completed", "codex")
        end = ended("codex", wrong, 65)
        check(end[-1]["type"] == "turn.failed" and "not JSON" in end[-1]["error"]["message"], end)
        end = ended("gemini", wrong, 65)[-1]
        check(end["status"] == "error" and end["error"]["type"] == "schema", end)
        check(ended("gemini", fine, 0)[-1]["status"] == "success", "gemini")


main(globals())
