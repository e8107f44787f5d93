#!/usr/bin/env python3
"""`carat replay`: a run once more from what was kept of it, without its model and its tools."""
import json
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *


def without_usage(text):
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line.pop("usage", None)
    return lines


def case_same_events():
    """What exec printed is printed again, though the tools would now do something else."""
    with Place() as place:
        def repeated(*words, code=0):
            run = place.carat("exec", "--json", *words, code=None)
            thread = json.loads(run.stdout.splitlines()[0])["thread_id"]
            again = place.carat("replay", thread, code=code)
            check(without_usage(again.stdout) == without_usage(run.stdout), (run.stdout, again.stdout, again.stderr))
            return json.loads(again.stdout.splitlines()[-1]), thread
        end, thread = repeated("what is 17 * 23")
        check(end["usage"]["output_tokens"] == 37, ("the very tokens that were sampled", end))
        place.write("budget.txt", "copper\n")
        repeated("replace copper with silver in budget.txt")
        check(place.read("budget.txt") == "silver\n", "once is enough")
        _, made = repeated("create notes.txt with the text hello river")
        os.unlink(os.path.join(place.work, "notes.txt"))
        place.carat("replay", made)
        check(not os.path.exists(os.path.join(place.work, "notes.txt")), "no tool runs")
        repeated("--disallowedTools", "shell", "what is 17 * 23")
        count = len(place.carat("sessions").stdout.splitlines())
        check(count == 4, "a replay is not kept")
        for form in ("stream-json", "gemini", "json", "text"):
            check("391" in place.carat("replay", thread, "--output-format", form).stdout, form)
        check("no" in place.carat("replay", "00000000-none", code=42).stderr, "no such conversation")


def case_others():
    """Several turns, a server's answers, an answer that was cut off."""
    with Place() as place, ModelServer() as server:
        thread = place.events("hello")[0]["thread_id"]
        place.events("--resume", thread, "what is 17 * 23")
        again = without_usage(place.carat("replay", thread).stdout)
        check([line["type"] for line in again].count("turn.completed") == 2, again)
        run = place.carat("exec", "--json", "-m", "remote:big", "--remote-url", server.url(), "what is 17 * 23")
        thread = json.loads(run.stdout.splitlines()[0])["thread_id"]
        seen = len(server.requests)
        again = place.carat("replay", thread)
        check(without_usage(again.stdout) == without_usage(run.stdout), (run.stdout, again.stdout))
        check(len(server.requests) == seen, "the server is not asked")
        check(place.carat("replay", "last").stdout == again.stdout, "the last one of this folder")
        thread = place.events("--max-tokens", "3", "hello", code=54)[0]["thread_id"]
        place.carat("replay", thread)


def case_differences():
    """A recording that does not lead to itself: said, and exit 1."""
    with Place() as place:
        thread = place.events("what is 17 * 23")[0]["thread_id"]
        place.carat("replay", thread)
        database = place.database()
        database.execute("update calls set state = 1")
        check(database.total_changes == 1, "the call was refused, says the recording now")
        database.commit()
        database.close()
        run = place.carat("replay", thread, code=1)
        check("message 3 differs: whether it failed" in run.stderr, run.stderr)


def shell(command):
    return f'<|tool_call>call:shell{{command:<|"|>{command}<|"|>}}<tool_call|>'


def case_more_tools():
    """Calls of other people's tools, whose server is gone, and of more_output: as they were."""
    with Place() as place:
        with open(os.path.join(SOURCE, "tests", "e2e", "hostile_server.py")) as server:
            place.write("server.py", server.read())
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[mcp.x]\ncommand = "python3"\nargs = ["server.py", "none"]\n')
        model = script(place, '<|tool_call>call:mcp__x__echo{words:<|"|>hello<|"|>}<tool_call|>', shell("seq 1 9000"),
                       '<|tool_call>call:more_output{handle:<|"|>r1<|"|>,pattern:<|"|>777<|"|>}<tool_call|>', "Done.<turn|>")
        run = place.carat("exec", "--json", "-m", model, "go")
        tools = [item["tool"] for item in items([json.loads(line) for line in run.stdout.splitlines()], "mcp_tool_call")]
        check(tools == ["echo", "more_output"] and "hello to you" in run.stdout, run.stdout)
        os.unlink(os.path.join(place.home, "config.toml"))
        os.unlink(os.path.join(place.work, "server.py"))
        thread = json.loads(run.stdout.splitlines()[0])["thread_id"]
        again = place.carat("replay", thread)
        check("differ" not in again.stderr and without_usage(again.stdout) == without_usage(run.stdout), (again.stdout, again.stderr))


def case_files():
    """What exec printed, and what export wrote, once more; without the store, the model and the tools."""
    with Place() as place:
        model = script(place, "<|channel>thought\nFirst look.<channel|>Here goes." + shell("echo ran >> log; exit 3"),
                       '<|tool_call>call:write_file{path:<|"|>new.txt<|"|>,content:<|"|>x<|"|>}<tool_call|>', "All done.<turn|>", "And more.<turn|>")
        two = "".join(json.dumps({"type": "user", "message": {"role": "user", "content": text}}) + "\n" for text in ("one", "two"))

        def run(form):
            out = place.carat("exec", "--input-format", "stream-json", "--output-format", form, "-m", model, stdin=two).stdout
            place.write("run.jsonl", out)
            os.unlink(os.path.join(place.work, "new.txt"))
            os.unlink(os.path.join(place.work, "log"))
            again = place.carat("replay", "run.jsonl", "--output-format", form)
            check(os.listdir(place.work) == ["run.jsonl"], "no tool runs")
            check("differ" not in again.stderr, again.stderr)
            return out, again.stdout

        out, again = run("codex")
        check(without_usage(again) == without_usage(out), (out, again))

        out, again = run("stream-json")

        def told(text):
            kept = []
            for line in map(json.loads, text.splitlines()):
                if line["type"] in ("assistant", "user"):
                    kept += [(line["type"], block["type"], block.get("text") or block.get("thinking") or block.get("input") or block.get("content"))
                             for block in line["message"]["content"]]
            return kept
        check(told(again) == told(out) and len(told(out)) == 8, (told(out), told(again)))
        ids = {json.loads(line)["session_id"] for line in (out + again).splitlines()}
        check(len(ids) == 1, ids)

        thread = place.events("-m", model, "one")[0]["thread_id"]
        place.carat("export", thread, "--format", "json", "-o", "kept.json")
        check("All done." in place.carat("replay", "kept.json", "--output-format", "text").stdout, "an export")
        for text, words in (("no json", "line 1"), ('{"type": "film"}', "film"), ("", "nothing"), ('{"messages": [7]}', "messages[0]")):
            place.write("bad.jsonl", text)
            wrong = place.carat("replay", "bad.jsonl", code=42)
            check("bad.jsonl" in wrong.stderr and words in wrong.stderr, (text, wrong.stderr))
        check("none.jsonl" in place.carat("replay", "none.jsonl", code=42).stderr, "no such file")


main(globals())
