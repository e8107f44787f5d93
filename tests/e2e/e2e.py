#!/usr/bin/env python3
"""The real programs, as a user runs them: e2e.py CASE BUILD-FOLDER SOURCE-FOLDER."""
import glob
import json
import os
import shutil
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *


# --- the four tasks ---

def case_list_files():
    with Place() as place:
        for name in ("river.txt", "budget.sql", "notes.md"):
            place.write(name, "hello\n")
        run = place.carat("exec", "list the files")
        for name in ("river.txt", "budget.sql", "notes.md"):
            check(name in run.stdout, run.stdout)
        events = place.events("list the files")
        calls = items(events, "mcp_tool_call")
        check(calls and calls[0]["tool"] == "list_files" and calls[0]["status"] == "completed", events)
        check("river.txt" in calls[0]["result"]["output"], calls)


def case_create_file():
    with Place() as place:
        place.carat("exec", "create notes.txt with the text hello river")
        check(place.read("notes.txt").strip() == "hello river", place.read("notes.txt"))


def case_compute():
    with Place() as place:
        events = place.events("what is 17 * 23")
        check(items(events, "command_execution"), events)
        check("391" in items(events, "agent_message")[-1]["text"], events)


def case_replace():
    with Place() as place:
        place.write("budget.txt", "copper\n")
        events = place.events("replace copper with silver in budget.txt")
        check([call["tool"] for call in items(events, "mcp_tool_call")] == ["read_file"], events)
        check(items(events, "file_change")[0]["changes"] == [{"path": "budget.txt", "kind": "update"}], events)
        check(place.read("budget.txt") == "silver\n", place.read("budget.txt"))


# --- exec ---

def case_events():
    """The shapes of `codex exec --json`, in order."""
    with Place() as place:
        events = place.events("what is 17 * 23")
        kinds = [event["type"] for event in events]
        check(kinds[:2] == ["thread.started", "turn.started"] and kinds[-1] == "turn.completed", kinds)
        check(len(events[0]["thread_id"]) == 36, events[0])
        started = [event for event in events if event["type"] == "item.started"]
        check(started[0]["item"]["status"] == "in_progress" and started[0]["item"]["command"], started)
        done = items(events, "command_execution")[0]
        check(done["id"] == started[0]["item"]["id"] and done["exit_code"] == 0 and done["status"] == "completed", done)
        check(done["aggregated_output"].strip() == "391", done)
        usage = events[-1]["usage"]
        check(usage["input_tokens"] > 500 and usage["cached_input_tokens"] > 500 and usage["output_tokens"] > 5, usage)


def case_exit_codes():
    with Place() as place:
        check("not a terminal" in place.carat(code=2).stderr, "a terminal is asked for")
        check("exec" in place.carat(code=2).stderr, "and exec is named")
        place.carat("exec", code=42, stdin="")
        place.carat("exec", "   ", code=42)
        check("--zebra" in place.carat("--zebra", code=2).stderr, "names the option")
        run = place.carat("exec", "-m", "/nonexistent/model.gguf", "hello", code=57)
        check("/nonexistent/model.gguf" in run.stderr, run.stderr)
        run = place.carat("exec", "-m", "gemma-of-dreams", "hello", code=57)
        check("gemma-of-dreams" in run.stderr and "models" in run.stderr, run.stderr)
        place.carat("exec", "--max-turns", "1", "what is 17 * 23", code=53)
        place.carat("exec", "--max-tokens", "3", "what is 17 * 23", code=54)
        place.carat("exec", "--mode", "ask", "what is 17 * 23", code=55)
        place.carat("exec", "--resume", "00000000-none", "hello", code=42)
        place.carat("--help")
        place.carat("--version")


def case_output_file():
    with Place() as place:
        out = os.path.join(place.root, "answer.txt")
        run = place.carat("exec", "-o", out, "hello")
        check(open(out).read() == run.stdout.rstrip("\n") and run.stdout.strip(), run.stdout)
        # A pipe or a device is written to: a file in its place would take it away from everybody.
        pipe = os.path.join(place.root, "pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        run = place.carat("exec", "-o", pipe, "hello")
        check(os.read(reader, 65536).decode() == run.stdout.rstrip("\n"), run.stdout)
        os.close(reader)
        check(stat.S_ISFIFO(os.lstat(pipe).st_mode), "the pipe is a pipe still")
        # A link and a mode stay, but no tool of the run is to say where the answer goes.
        link, target = os.path.join(place.root, "link"), os.path.join(place.root, "target")
        os.symlink(target, link)
        place.write("mode", "")
        os.chmod(os.path.join(place.work, "mode"), 0o644)
        os.symlink(target, os.path.join(place.work, "out"))
        for words in (("exec", "-o", link, "hello"), ("export", "last", "-o", link), ("exec", "-o", "mode", "hello"), ("export", "last", "-o", "mode")):
            place.carat(*words)
            check(os.path.islink(link) and os.path.getsize(target) > 0 and os.stat(os.path.join(place.work, "mode")).st_mode & 0o777 == 0o644, words)
        check("out of this folder" in place.carat("exec", "-o", "out", "hello", code=42).stderr, "a link out of the workspace")
        check("out of this folder" in place.carat("export", "last", "-o", "out", code=42).stderr, "a link out of the workspace")
        os.unlink(target)
        planted = '<|tool_call>call:shell{command:<|"|>ln -sf ' + target + ' made<|"|>}<tool_call|>'
        place.carat("exec", "-o", "made", "-m", script(place, planted, "done<turn|>"), "go")
        check(place.read("made") == "done" and not os.path.exists(target) and not os.path.islink(os.path.join(place.work, "made")), "a link made meanwhile")
        out = place.carat("export", "last", "-o", "/dev/stdout").stdout
        check("done" in out and os.path.islink("/dev/stdout") and not os.path.isfile("/dev/null"), out)


def case_standard_input():
    with Place() as place:
        check("391" in place.carat("exec", "-", stdin="what is 17 * 23").stdout, "prompt from standard input")
        check("391" in place.carat("exec", stdin="what is 17 * 23").stdout, "without a dash too")
        check("391" in place.carat("-p", "what is 17 * 23").stdout, "-p is exec")


def case_output_formats():
    """Each form of --output-format: its first and its last event, and the tool call between."""
    with Place() as place:
        def lines(form, *words, code=0):
            out = place.carat("exec", "--output-format", form, *words, code=code).stdout
            return [json.loads(line) for line in out.splitlines()]
        task = "what is 17 * 23"
        check(place.carat("exec", "--output-format", "text", task).stdout.strip() == "17 * 23 is 391.", "text")
        check(lines("codex", task)[-1]["type"] == "turn.completed", "codex")

        claude = lines("stream-json", task)
        check([line["type"] for line in claude] == ["system", "assistant", "user", "assistant", "result"], claude)
        init, asked, result, said, end = claude
        check(init["subtype"] == "init" and init["cwd"] == os.path.realpath(place.work) and "shell" in init["tools"], init)
        check("nano" in init["model"] and len({line["session_id"] for line in claude}) == 1, init)
        check(len({line["uuid"] for line in claude}) == 5, claude)
        use, got = asked["message"]["content"][0], result["message"]["content"][0]
        check(use["type"] == "tool_use" and use["name"] == "shell" and "command" in use["input"], use)
        check(got == {"type": "tool_result", "tool_use_id": use["id"], "content": "391", "is_error": False}, got)
        check(said["message"]["content"] == [{"type": "text", "text": end["result"]}], said)
        check(end["subtype"] == "success" and not end["is_error"] and end["num_turns"] == 2, end)

        partial = lines("stream-json", "--include-partial-messages", task)
        deltas = [line["event"]["delta"]["text"] for line in partial if line["type"] == "stream_event"
                  and line["event"].get("delta", {}).get("type") == "text_delta"]
        check(len(deltas) > 3 and "".join(deltas) == end["result"], deltas)

        only = lines("json", task)
        check(len(only) == 1 and only[0]["type"] == "result" and only[0]["result"] == end["result"], only)
        check(lines("stream-json", "--no-tools", "hello")[0]["tools"] == [], "none are told of")
        for form in ("json", "codex", "stream-json", "gemini"):
            check("the prompt is empty" in json.dumps(lines(form, "   ", code=42)), form)
        limited = lines("json", "--max-turns", "1", task, code=53)[0]
        check(limited["subtype"] == "error_max_turns" and limited["is_error"], limited)
        missing = lines("json", "-m", "/nonexistent.gguf", task, code=57)[0]
        check(missing["subtype"] == "error_during_execution" and "nonexistent" in missing["result"], missing)

        gemini = lines("gemini", task)
        kinds = [line["type"] for line in gemini]
        check(kinds[:4] == ["init", "message", "tool_use", "tool_result"] and kinds[-1] == "result", kinds)
        check(all(line["timestamp"].endswith("Z") for line in gemini), gemini)
        text = "".join(line["content"] for line in gemini if line.get("delta"))
        check(text == end["result"] and gemini[3]["output"] == "391", gemini)
        check(gemini[-1]["status"] == "success" and gemini[-1]["stats"]["tool_calls"] == 1, gemini[-1])
        place.carat("exec", "--output-format", "yaml", task, code=2)


def case_input_is_context():
    """Standard input beside a prompt: read when something is there, never waited for."""
    with Place() as place:
        model = script(place, {"text": "seen", "expect": "sum this up\n\none line"})
        check(place.carat("exec", "-m", model, "sum this up", stdin="one line").stdout == "seen\n", "a pipe")
        place.write("lines.txt", "one line")
        with open(os.path.join(place.work, "lines.txt")) as file:
            run = subprocess.run([CARAT, "exec", "-m", model, "sum this up"], cwd=place.work, env=place.env, stdin=file,
                                 capture_output=True, text=True, timeout=PATIENCE)
        check(run.stdout == "seen\n", (run.stdout, run.stderr))
        model = script(place, {"text": "alone", "expect": "sum this up<turn|>"})
        reader, writer = os.pipe()  # inherited, and nobody ever writes
        run = subprocess.run([CARAT, "exec", "-m", model, "sum this up"], cwd=place.work, env=place.env, stdin=reader,
                             capture_output=True, text=True, timeout=PATIENCE)
        os.close(reader)
        os.close(writer)
        check(run.stdout == "alone\n", (run.stdout, run.stderr))


def remote(place, server, fault, *words, code=0, env=None):
    return place.carat("exec", "-m", "remote:big", "--remote-url", server.url(fault), *words, code=code, env=env)


def case_remote():
    """A model behind a server: same tools, same store, same events; and a key that nobody sees."""
    key = "sk-secret-0123456789"
    with Place() as place, ModelServer() as server:
        keyed = ("--set", "remote.key_env=CARAT_TEST_KEY")
        run = remote(place, server, "fine", *keyed, "--json", "what is 17 * 23", env={"CARAT_TEST_KEY": key})
        events = [json.loads(line) for line in run.stdout.splitlines()]
        check(items(events, "reasoning")[0]["text"] == "It is a sum.", events)
        said = items(events, "agent_message")
        check(said[0]["text"] == "I compute <|turn>" and "391" in said[-1]["text"], said)
        done = items(events, "command_execution")[0]
        check(done["command"] == "echo $((17 * 23)); echo '<|tool_call>'" and done["exit_code"] == 0, done)
        check("391" in done["aggregated_output"] and "<|tool_call>" in done["aggregated_output"], done)
        check(events[-1]["usage"] == {"input_tokens": 210, "cached_input_tokens": 40, "output_tokens": 17}, events[-1])

        (path, headers, first), (_, _, second) = server.requests
        check(path == "/fine/v1/chat/completions" and headers["Authorization"] == "Bearer " + key, (path, headers))
        check(first["model"] == "big" and first["stream"] is True and "temperature" not in first, first)
        check([message["role"] for message in first["messages"]] == ["system", "user"], first)
        check([sorted(tool) for tool in first["tools"]] == [["function", "type"]] * len(first["tools"]), first["tools"])
        asked, result = second["messages"][2:]
        call = asked["tool_calls"][0]
        check(json.loads(call["function"]["arguments"])["command"].startswith("echo"), call)
        check("reasoning" not in asked and result["tool_call_id"] == call["id"], (asked, result))
        check(isinstance(result["content"], str) and "391" in result["content"], result)

        for folder, _, names in os.walk(place.root):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    check(key.encode() not in file.read(), os.path.join(folder, name))
        rows = place.database().execute("select count(*) from messages").fetchone()[0]
        check(rows == 4, rows)
        rows = place.database().execute("select count(*) from messages where tokens is not null").fetchone()[0]
        check(rows == 0, "a server's tokens have no ids")
        check("391" in place.carat("exec", "--continue", "what is 17 * 23").stdout, "the model here goes on with it")
        run = remote(place, server, "fine", "--continue", "and now")
        check(len(server.requests[-1][2]["messages"]) > 8, "the server goes on with what the model here said")


def case_remote_faults():
    """What a server or the way to it can do wrong: each has a sentence, an end and the right number of attempts."""
    with Place() as place, ModelServer() as server:
        def fault(name, words, *options, code=1, tries=1, env=None):
            run = remote(place, server, name, *options, "hello", code=code, env=env)
            check(all(word in run.stderr for word in words), (name, run.stderr))
            seen = sum(path.startswith(f"/{name}/") for path, _, _ in server.requests)
            check(seen == tries, (name, seen))
            return run
        began = time.monotonic()
        check("391" in fault("busy", [], code=0, tries=3).stdout, "429, then well")
        check(time.monotonic() - began >= 1, "not before the server's Retry-After")
        fault("broken", ["status 500", "no idea"], tries=4)
        denied = fault("denied", ["status 401", "bad key"], "--set", "remote.key_env=CARAT_TEST_KEY",
                       env={"CARAT_TEST_KEY": "sk-secret"})
        check("sk-secret" not in denied.stderr + denied.stdout, denied.stderr)
        stalled = fault("stall", ["nothing came", "1 seconds"], "--set", "remote.idle_s=1")
        check("begun" in stalled.stdout, "what came is kept")
        fault("silent", ["nothing came"], "--set", "remote.idle_s=1")
        check("begun" in fault("cut", ["middle of the answer"]).stdout, "what came is kept")
        fault("wrong", ["not a JSON object"])
        fault("page", ["not an event stream"])
        fault("endless", ["line longer than"])
        chatty = fault("chatty", [], "--max-tokens", "50", code=54)
        check(" 49" in chatty.stdout and " 500" not in chatty.stdout, "the limit holds here, too")
        fault("filtered", ["withheld"])
        fault("moved", ["status 302"])
        check(not any(path.startswith("/fine/") for path, _, _ in server.requests), "no redirect is followed")

        hostile = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
        check("391" in remote(place, server, "proxies", "hello", env=hostile).stdout, "no proxy from the environment")
        run = place.carat("exec", "-m", "remote:big", "--remote-url", "http://127.0.0.1:1/v1", "hello", code=1)
        check("127.0.0.1" in run.stderr, run.stderr)
        for url, words in (("ftp://a/", "not an address"), ("http://u:p@localhost/", "no user name"), ("http://", "not an address")):
            run = place.carat("exec", "-m", "remote:big", "--remote-url", url, "hello", code=57)
            check(words in run.stderr, run.stderr)
        run = place.carat("exec", "-m", "remote:big", "--remote-url", "http://example.org/v1", "--set",
                          "remote.key_env=CARAT_TEST_KEY", "hello", code=57, env={"CARAT_TEST_KEY": "sk-secret"})
        check("in the clear" in run.stderr and "sk-secret" not in run.stderr, run.stderr)
        check("remote.url" in place.carat("exec", "-m", "remote:big", "hello", code=57).stderr, "what is missing")


def case_remote_interrupted():
    """Ctrl-C while a server stalls: over at once, and what came is kept."""
    with Place() as place, ModelServer() as server:
        run = subprocess.Popen([CARAT, "exec", "-m", "remote:big", "--remote-url", server.url("stall"), "hello"],
                               cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while not server.requests and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.5)
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=PATIENCE)
        check(run.returncode == 130 and "begun" in out, (run.returncode, out))
        check(time.monotonic() - began < 10, "waited for the server")


def case_denied():
    with Place() as place:
        events = place.events("--deny", "shell", "what is 17 * 23", code=None)
        check(items(events, "command_execution")[0]["status"] == "declined", events)
        place.write("config.toml", "")
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write("[agent]\nmode = \"read-only\"\n")
        place.carat("exec", "create notes.txt with the text hello river", code=None)
        check(not os.path.exists(os.path.join(place.work, "notes.txt")), "read-only wrote a file")


def case_config_mistakes():
    with Place() as place:
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write("[model]\nthread = 2\n")
        run = place.carat("exec", "hello", code=2)
        check("config.toml:2" in run.stderr and "model.thread" in run.stderr, run.stderr)
        for words in ("--help", "--version", "--promises", "config example", "manual", "completion zsh", "help", "version"):
            run = place.carat(*words.split())  # what tells of carat itself is told all the same
            check(run.stdout and not run.stderr, (words, run.stderr))
        run = place.carat("doctor", code=None)
        check(run.returncode != 0 and "model.thread" in run.stderr and "landlock" in run.stdout, run)


def case_conversation_goes_on():
    with Place() as place:
        events = place.events("hello")
        thread = events[0]["thread_id"]
        again = place.events("--resume", thread[:18], "what is 17 * 23")
        check(again[0]["thread_id"] == thread, again[0])
        place.events("-c", "hello")
        listing = place.carat("sessions").stdout
        check(listing.count(thread) == 1 and len(listing.splitlines()) == 1, listing)
        check("  hello\n" in listing, "without a title it is known by its first words")
        shown = place.carat("resume", thread).stdout
        check("what is 17 * 23" in shown and "391" in shown and shown.count("hello") >= 2, shown)


def case_interrupted():
    """SIGINT in the middle of an answer: exit 130, what was written is kept."""
    with Place() as place:
        model = script(place, {"text": "one two three four five six seven eight nine ten<turn|>", "delay_ms": 200})
        run = subprocess.Popen([CARAT, "exec", "-m", model, "count"], cwd=place.work, env=place.env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        place.wait_for_stored("one two")
        start = time.monotonic()
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=PATIENCE)
        print(f"stopped after {1000 * (time.monotonic() - start):.0f} ms, with {out!r}")
        check(run.returncode == 130, run.returncode)
        check(out.startswith("one") and "ten" not in out, out)
        check("one" in place.carat("resume", "-m", model).stdout, "the partial answer is kept")


def case_killed():
    """kill -9 in the middle of an answer: what was on disk is all that was shown but the last 250 ms."""
    with Place() as place:
        model = script(place, {"text": "one two three four five six seven eight nine ten<turn|>", "delay_ms": 200})
        run = subprocess.Popen([CARAT, "exec", "-m", model, "count for me"], cwd=place.work, env=place.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        place.wait_for_stored("one two")
        run.kill()
        run.wait()
        shown = place.carat("resume", "-m", model).stdout
        check("count for me" in shown and "one two" in shown and "ten" not in shown, shown)
        rows = place.database().execute("pragma integrity_check").fetchall()
        check(rows == [("ok",)], rows)


def call(tool, **arguments):
    """A call as the model spells it."""
    text = ",".join(f'{name}:<|"|>{value}<|"|>' for name, value in arguments.items())
    return f"<|tool_call>call:{tool}{{{text}}}<tool_call|>"


def case_undo():
    """What a turn changed, by a file tool and by a shell command: listed, shown, taken back, and that taken back again."""
    with Place() as place:
        place.write("keep.txt", "one\ntwo\nthree\n")
        place.write("gone.bin", "\0\1\2")
        model = script(place, call("write_file", path="new/made.txt", content="hello"),
                       call("shell", command="sed -i s/two/2/ keep.txt; rm gone.bin; ln -s keep.txt link; chmod 755 keep.txt"),
                       "Done.<turn|>")
        run = place.carat("undo", code=42)
        check("no turn to take back" in run.stderr, run.stderr)
        place.carat("exec", "-m", model, "change things")
        check(place.read("keep.txt") == "one\n2\nthree\n", "the shell changed it")
        listed = place.carat("undo", "--list").stdout
        check("5 paths" in listed and "change things" in listed, listed)
        shown = place.carat("undo", "--diff").stdout
        check("-two\n+2\n" in shown and "+++ new/made.txt" in shown and "gone.bin" in shown, shown)
        print(place.carat("undo").stdout)
        check(sorted(os.listdir(place.work)) == ["gone.bin", "keep.txt"], os.listdir(place.work))
        check(place.read("keep.txt") == "one\ntwo\nthree\n" and place.read("gone.bin") == "\0\1\2", "taken back")
        check(os.stat(os.path.join(place.work, "keep.txt")).st_mode & 0o111 == 0, "its permissions, too")
        place.carat("undo", "2")
        check(place.read("new/made.txt") == "hello" and os.path.islink(os.path.join(place.work, "link")), "and forth")
        place.write("keep.txt", "mine\n")
        run = place.carat("undo", "1")
        check("keep.txt: changed since" in run.stdout and place.read("keep.txt") == "mine\n", run.stdout)
        check("taken back in part: 4 of 5 paths" in run.stdout, run.stdout)
        run = place.carat("undo", "1", code=1)
        check("keep.txt: changed since" in run.stdout and "nothing of turn 1 could be taken back" in run.stderr, run.stdout + run.stderr)
        check("is no turn" in place.carat("undo", "x", code=2).stderr, "words")
        run = place.carat("undo", "--cd", "no\x1b[2Jsuch", code=2)
        check("\x1b" not in run.stderr and "such" in run.stderr, run.stderr)


def case_undo_killed():
    """kill -9 while a command runs: the turn is there, named as cut short, and can be taken back by its number."""
    with Place() as place:
        place.write("keep.txt", "one\n")
        model = script(place, call("shell", command="echo two > keep.txt; sleep 30"), "Done.<turn|>")
        run = subprocess.Popen([CARAT, "exec", "-m", model, "change and wait"], cwd=place.work, env=place.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while place.read("keep.txt") != "two\n" and time.monotonic() < end:
            time.sleep(0.02)
        run.kill()
        run.wait()
        check("carat was stopped in it" in place.carat("undo", "--list").stdout, "listed")
        check("name it: undo 1" in place.carat("undo", code=2).stderr, "never by itself")
        place.carat("undo", "1")
        check(place.read("keep.txt") == "one\n", place.read("keep.txt"))
        # As if that had been killed before its last step: the next start of any kind finishes it, and says so.
        [turn] = glob.glob(os.path.join(place.home, "**", "turns", "000002"), recursive=True)
        os.rename(turn, os.path.join(os.path.dirname(os.path.dirname(turn)), "apply"))
        run = place.carat("exec", "-m", script(place, "Done.<turn|>"), "hello")
        check("took turn 1 back; that is finished now, 1 of 1 paths" in run.stderr and os.path.exists(turn), run.stderr)


def case_undo_on_screen():
    with Place() as place:
        place.write("keep.txt", "one\n")
        fill = call("shell", command="head -c 400000 /dev/urandom > fill")
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write("[undo]\nmegabytes = 1\n")
        model = script(place, call("shell", command="echo two > keep.txt"), "Done.<turn|>",
                       *(line for number in range(4) for line in (fill, f"Filled {number}.<turn|>")))
        screen = Screen(place, "-m", model, "--mode", "full")
        try:
            screen.wait("script")
            screen.say("change it")
            screen.wait("Done.", "turn 1 changed keep.txt; /undo takes it back")
            screen.say("/undo diff")
            screen.wait("-one", "+two")
            screen.say("/undo")
            screen.wait("restored keep.txt")
            check(place.read("keep.txt") == "one\n", place.read("keep.txt"))
            for number in range(4):
                screen.say(f"fill {number}")
                screen.wait(f"Filled {number}.")
                screen.settle()
            screen.wait("the snapshots are full (undo.megabytes)")
        finally:
            screen.close()


def case_more_output():
    """A cut result names a handle; with it the model reads on by line and by pattern. Flat memory for a flood."""
    with Place() as place:
        model = script(place, call("shell", command="seq 1 9000"),
                       '<|tool_call>call:more_output{handle:<|"|>r1<|"|>,start_line:4000,line_count:2}<tool_call|>',
                       '<|tool_call>call:more_output{handle:<|"|>r1<|"|>,pattern:<|"|>777<|"|>}<tool_call|>',
                       call("more_output", handle="r9"), "Done.<turn|>")
        place.carat("exec", "-m", model, "count")
        shown = place.carat("resume", "-m", model).stdout
        check('more_output {"handle": "r1", "start_line": ' in shown and " shows the rest]" in shown, shown)
        check("4000| 4000\n4001| 4001\n[2 of 9000 lines" in shown and '"start_line": 4002} reads on' in shown, shown)
        check("777| 777\n1777| 1777\n" in shown and "8777| 8777\n[18 of 9000 lines; the end]" in shown, shown)
        check("there is no such result" in shown, shown)
    with Place() as place:
        for number in range(600):
            place.write(f"leaf-{number:03}.txt", "word")
        model = script(place, call("list_files", path="."), call("more_output", handle="r1", pattern="599"),
                       call("search_files", pattern="word"), call("more_output", handle="r2", pattern="leaf-598"), "Done.<turn|>")
        place.carat("exec", "-m", model, "look")
        shown = place.carat("resume", "-m", model).stdout
        check("(the first " in shown and " of 600 lines)" in shown and "600| leaf-599.txt\n[1 of 600 lines; the end]" in shown, shown)
        check("| leaf-598.txt:1: word\n[1 of 600 lines; the end]" in shown, shown)


def case_flood():
    """A command that writes 200 MB costs carat itself next to nothing."""
    with Place() as place:
        def peak(megabytes):
            model = script(place, call("shell", command=f"head -c {megabytes}000000 /dev/zero | tr '\\\\0' x"), "Done.<turn|>")
            run = subprocess.Popen([CARAT, "exec", "-m", model, "flood"], cwd=place.work, env=place.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            _, status, usage = os.wait4(run.pid, 0)
            check(status == 0, status)
            return usage.ru_maxrss
        small, large = peak(1), peak(200)
        print(f"peak memory of carat: {small} KiB with 1 MB of output, {large} KiB with 200 MB")
        check(large - small < 8 * 1024, (small, large))


def case_closed_output():
    with Place() as place:
        run = subprocess.Popen([CARAT, "exec", "list the files"], cwd=place.work, env=place.env,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        run.stdout.close()
        check(run.wait(timeout=PATIENCE) == 1, "an answer that nobody can read is no success")
        for words in (["exec", "list the files"], ["sessions"], ["--help"], ["policy", "why", "shell(ls)"]):
            with open("/dev/full", "w") as full:
                run = subprocess.run([CARAT, *words], cwd=place.work, env=place.env, stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
            check(run.returncode == 1 and "carat: " in run.stderr, (words, run.returncode, run.stderr))


# --- bad surroundings ---

def case_bad_models():
    """Truncated and flipped files: a sentence that names the file, never a crash."""
    with Place() as place:
        data = open(NANO, "rb").read()
        path = os.path.join(place.root, "bad.gguf")
        for size in (0, 3, 4, 23, 24, 100, 5000, len(data) // 2, len(data) - 1):
            with open(path, "wb") as file:
                file.write(data[:size])
            run = place.carat("exec", "-m", path, "hello", code=1)
            check("bad.gguf" in run.stderr, (size, run.stderr))
        for at in (0, 4, 8, 16, 24, 33, 60, 200, 1000):
            broken = bytearray(data)
            broken[at] ^= 0xFF
            with open(path, "wb") as file:
                file.write(broken)
            run = place.carat("exec", "-m", path, "hello", code=None)
            check(run.returncode in (0, 1), (at, run.returncode, run.stderr))
            check(run.returncode == 0 or "bad.gguf" in run.stderr, (at, run.stderr))
        with open(path, "wb") as file:
            file.write(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60))
        check("bad.gguf" in place.carat("exec", "-m", path, "hello", code=1).stderr, "absurd counts")
        os.unlink(path)
        os.mkfifo(path)
        check("bad.gguf" in place.carat("exec", "-m", path, "hello", code=None).stderr, "a FIFO does not hang it")


def in_namespace(place, mount, *words):
    """Runs carat with a mount of its own over the data folder (root and plain users alike)."""
    line = f'mkdir -p "$CARAT_HOME/data" && {mount} && cd "{place.work}" && exec "$@"'
    flags = ["-m"] if os.getuid() == 0 else ["-r", "-m"]
    return subprocess.run(["unshare", *flags, "sh", "-c", line, "sh", CARAT, *words], env=place.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)


def case_read_only_data():
    with Place() as place:
        run = in_namespace(place, 'mount -t tmpfs -o ro none "$CARAT_HOME/data"', "exec", "hello")
        check(run.returncode == 1, (run.returncode, run.stderr))
        check("data" in run.stderr and "ead-only" in run.stderr, run.stderr)


def case_full_disk():
    with Place() as place:
        mount = ('mount -t tmpfs -o size=8m none "$CARAT_HOME/data" && '
                 '"' + CARAT + '" exec hello >/dev/null 2>&1 && head -c 20m /dev/zero >"$CARAT_HOME/data/fill" 2>/dev/null; rm -f "$CARAT_HOME"/data/*reserve*')
        mount = mount.replace("; rm -f", " ; rm -f") + ' ; head -c 20m /dev/zero >>"$CARAT_HOME/data/fill" 2>/dev/null || true'
        run = in_namespace(place, mount, "exec", "hello")
        check(run.returncode == 1, (run.returncode, run.stdout, run.stderr))
        check("full" in run.stderr or "No space" in run.stderr, run.stderr)
        # With the reserve in its place the turn is kept in its room, and the user hears of it once.
        mount = ('mount -t tmpfs -o size=24m none "$CARAT_HOME/data" && '
                 '"' + CARAT + '" exec hello >/dev/null 2>&1 && ls "$CARAT_HOME"/data/*.reserve >/dev/null && '
                 '{ head -c 40m /dev/zero >"$CARAT_HOME/data/fill" 2>/dev/null || true; }')
        run = in_namespace(place, mount, "exec", "hello")
        check(run.returncode == 0, (run.returncode, run.stdout, run.stderr))
        check("the disk is full: what was said last is kept" in run.stderr, run.stderr)


def case_no_sandbox():
    """Where user namespaces are forbidden the tools refuse: exit 56, and words that say what to do."""
    with Place() as place:
        place.write("river.txt", "hello\n")
        if os.getuid() == 0:
            outer = ["bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns", "--"]
        else:
            outer = ["bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns", "--"]
        run = subprocess.run([*outer, CARAT, "exec", "list the files"], cwd=place.work, env=place.env,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        check(run.returncode == 56, (run.returncode, run.stdout, run.stderr))
        check("andbox" in run.stderr, run.stderr)


# --- debugging commands ---

def case_render():
    with Place() as place:
        cases = [
            {"messages": [{"role": "user", "content": "Hello"}], "tools": None, "options": {}},
            {"messages": [{"role": "user", "content": "a <|turn> b"}], "tools": None, "options": {}},
            {"messages": [{"role": "wizard", "content": "x"}], "tools": None, "options": {}},
        ]
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        out = place.carat("render", "-m", NANO, stdin=lines, code=None).stdout.splitlines()
        check(len(out) == 3, out)
        first, second, third = map(json.loads, out)
        check(first["rendered"].startswith("<bos><|turn>user\nHello<turn|>\n"), first)
        check(first["ids"][0] == 2 and first["ids"][1] == 105, first)
        check(second["ids"].count(105) == first["ids"].count(105), "text never becomes control")
        check("error" in third, third)


def case_parse():
    with Place() as place:
        turn = '<|channel>thought\nI look.\n<channel|>Let me see.<|tool_call>call:list_files{path:<|"|>src<|"|>}<tool_call|><|tool_response>'
        found = json.loads(place.carat("parse", stdin=turn).stdout)
        check(found["thought"] == "I look." and found["text"] == "Let me see.", found)
        check(found["calls"] == [{"name": "list_files", "arguments": {"path": "src"}}], found)
        check(found["errors"] == [], found)
        broken = json.loads(place.carat("parse", stdin="<|tool_call>call:f{a:<|\"|>x").stdout)
        check(broken["calls"] == [] and broken["errors"], broken)


def case_engine():
    """carat-engine, the reference user of engine.h."""
    with Place() as place:
        def engine(*words, stdin=None, code=0):
            run = subprocess.run([ENGINE, *words], input=stdin, capture_output=True, timeout=PATIENCE, cwd=place.work)
            check(run.returncode == code, (words, run.returncode, run.stderr))
            return run.stdout
        text = "hello  river\n\n\n\u65e5\u672c <|turn> \u2581".encode()
        ids = json.loads(engine("tokenize", "-m", NANO, stdin=text))
        check(105 not in ids, ids)
        back = engine("detokenize", "-m", NANO, stdin=json.dumps(ids).encode())
        check(back == text.replace("\u2581".encode(), b" "), back)
        check(105 in json.loads(engine("tokenize", "-m", NANO, "--control", stdin=text)), "control recognised")
        golden = json.load(open(os.path.join(SOURCE, "tests/engine/data/nano.golden.json")))[0]
        place.write("ids.json", json.dumps(golden["prompt_ids"]))
        out = json.loads(engine("generate", "-m", NANO, "--ids", "ids.json", "-n", "200", "--temp", "0", "--json"))
        check(out == {"ids": golden["ids"]}, (out, golden["ids"]))
        engine("logits", "-m", NANO, "--ids", "ids.json", "-o", "one.npy")
        engine("logits", "-m", NANO, "--ids", "ids.json", "-o", "two.npy", "--chunk", "7")
        one, two = (open(os.path.join(place.work, name), "rb").read() for name in ("one.npy", "two.npy"))
        check(one[:6] == b"\x93NUMPY" and len(one) == len(two), "npy")
        header = one[10:10 + struct.unpack("<H", one[8:10])[0]].decode()
        check(f"({len(golden['prompt_ids'])}, 3072)" in header and "<f4" in header, header)
        a, b = (struct.unpack(f"<{(len(x) - 10 - len(header)) // 4}f", x[10 + len(header):]) for x in (one, two))
        check(max(abs(x - y) for x, y in zip(a, b)) < 2e-3, "chunks change nothing")
        engine("generate", "--zebra", code=2)
        engine("logits", "-m", "/nonexistent", "--ids", "ids.json", "-o", "x.npy", code=1)


def group_of_a_call(place):
    """Where doctor and status say that a control group limits a call together, its processes are in one, and it is gone with them."""
    waits = subprocess.Popen([CARAT, "sandbox", "--", "sleep", "4.0815"], cwd=place.work, env=place.env)
    groups, end = None, time.monotonic() + PATIENCE
    while groups is None and time.monotonic() < end:
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if open(f"/proc/{name}/cmdline").read() == "sleep\0004.0815\0" and os.stat(f"/proc/{name}").st_uid in (os.getuid(), 65534):
                    groups = [line.strip().split(":", 2)[2] for line in open(f"/proc/{name}/cgroup")]
            except OSError:
                pass
    check(groups is not None and waits.wait() == 0, "the command was seen")
    grouped = [group for group in groups if "/carat-" in group]
    for words in (("doctor",), ("sandbox", "status")):
        said = [line for line in place.carat(*words, code=None).stdout.splitlines() if " limits " in line][0]
        check(("together by a cgroup: 4096 processes" in said) == bool(grouped), (said, groups))
    while any(os.path.isdir(root + group) for group in grouped for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/pids")):
        check(time.monotonic() < end, f"{grouped} is left")
        time.sleep(0.05)


def case_sandbox_command():
    """carat sandbox -- CMD runs as a tool's command would."""
    with Place() as place:
        place.write("river.txt", "hello\n")
        with open(os.path.join(place.home, "secret"), "w") as file:
            file.write("secret\n")
        line = f"cat river.txt; cat {place.home}/secret; echo x > /etc/carat-breach; exit 7"
        run = place.carat("sandbox", "--", "sh", "-c", line, code=7)
        check(run.stdout == "hello\n" and "secret" not in run.stdout, run.stdout)
        check(not os.path.exists("/etc/carat-breach"), "written outside")
        check("all layers hold" in place.carat("sandbox", "status").stdout, "status")
        check("all your rights" in place.carat("--sandbox", "danger-full-access", "sandbox", "status").stdout, "status")
        run = place.carat("--sandbox", "danger-full-access", "exec", "-m", script(place, "Done."), "go")
        check("no sandbox: tools have all your rights" in run.stderr, run.stderr)
        os.makedirs(place.work + "/sub/inner/.git/hooks")  # whose folders are mounts, when anything may be written at all
        for path in ("made", "sub/made", "sub/inner/made", "sub/inner/.git/hooks/made"):
            place.carat("--sandbox", "read-only", "sandbox", "--", "sh", "-c", f"echo x > {path}", code=None)
            check(not os.path.exists(os.path.join(place.work, path)), f"{path} was written in spite of read-only")
        place.carat("sandbox", "--", "sh", "-c", "echo x > sub/made")
        check(place.read("sub/made") == "x\n", "without read-only it can be written")
        score = "cat /proc/self/oom_score_adj; echo 0 >/proc/self/oom_score_adj || echo refused"  # who ends first when memory runs out
        check(place.carat("sandbox", "--", "sh", "-c", score).stdout == "1000\nrefused\n", "a command would outlive carat")
        group_of_a_call(place)
        own = ("import os, pty; pid, fd = pty.fork(); pid or os.execlp('tty', 'tty'); "
               "print(os.read(fd, 99).decode())")  # a terminal of the command's own, as expect and tests of terminals make them
        said = place.carat("sandbox", "--", "python3", "-c", own).stdout
        check("/dev/pts/0" in said, said)
        big = ("import mmap, threading, time; mmap.mmap(-1, 1 << 44, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000); "  # MAP_NORESERVE
               "[threading.Thread(target=time.sleep, args=[0.3]).start() for _ in range(400)]; print('all')")  # as sanitizers and machines do
        check(place.carat("sandbox", "--", "python3", "-c", big).stdout == "all\n", "addresses or threads are limited")
        place.carat("sandbox", code=2)
        place.carat("sandbox", "--", "no-such-program", code=127)
        place.carat("sandbox", "--", "status", code=127)  # no such program either


def case_policy_why():
    with Place() as place:
        asks = place.carat("policy", "why", "shell(git status)").stdout
        check("asks (mode: ask)" in asks and "runs (mode: full)" in asks, asks)
        rule = place.carat("--allow", "shell(git status)", "policy", "why", "shell(git status)").stdout
        check(rule.count("runs (rule: shell(git status))") == 2, rule)
        other = place.carat("--allow", "shell(git status)", "policy", "why", "shell(git status; rm x)").stdout
        check("asks" in other, other)
        check("is refused" in place.carat("--deny", "shell", "policy", "why", "shell(ls)").stdout, "denied")
        for rule in (f"read_file({place.work}/s/)", "read_file(~/s)"):
            near = place.carat("--deny", rule, "policy", "why", "read_file(s/key)", env={"HOME": place.work}).stdout
            check(near.count("is refused") == 2, near)
        check('"read_file(~/s)"' in place.carat("--deny", "read_file(~/s)", "policy", "why", "shell(ls)", env={"HOME": ""}, code=2).stderr,
              "a rule without its home")
        call = ("policy", "why", "http_fetch(https://docs.example.org/a)")
        check("tools.hosts names none" in place.carat(*call).stdout, "no hosts")
        ruled = place.carat("--allow", "http_fetch(*.example.org)", "--mode", "ask", *call).stdout
        check("runs (rule: http_fetch(*.example.org))" in ruled, ruled)


def case_tool_is_an_mcp_server():
    with Place() as place:
        place.write("river.txt", "hello\n")
        requests = [
            {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
            {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "shell", "arguments": {"command": "ls; id -u; ls /root"}}},
            {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "shell", "arguments": {}}},
            {"jsonrpc": "2.0", "id": 5, "method": "nonsense"},
        ]
        run = subprocess.run([TOOL, "shell", "--workspace", place.work], env=place.env, text=True, timeout=PATIENCE,
                             input="".join(json.dumps(request) + "\n" for request in requests), capture_output=True)
        check(run.returncode == 0, run.stderr)
        answers = {answer["id"]: answer for answer in map(json.loads, run.stdout.splitlines()) if "id" in answer}
        check(answers[1]["result"]["protocolVersion"] == "2025-11-25", answers[1])
        tool = answers[2]["result"]["tools"][0]
        check(tool["name"] == "shell" and tool["inputSchema"]["required"] == ["command"], tool)
        result = answers[3]["result"]
        check("river.txt" in result["structuredContent"]["output"], result)
        check(answers[4]["result"]["isError"] and "command" in answers[4]["result"]["content"][0]["text"], answers[4])
        check(answers[5]["error"]["code"] == -32601, answers[5])


# --- the screen ---

def case_screen_tasks():
    """The four tasks, typed."""
    with Place() as place:
        for name in ("river.txt", "budget.sql", "notes.md"):
            place.write(name, "hello\n")
        place.write("budget.txt", "copper\n")
        screen = Screen(place)
        try:
            screen.wait("nano")
            screen.say("list the files")
            screen.wait("river.txt", "budget.sql", "notes.md", "entries here")
            screen.say("what is 17 * 23")
            screen.wait("echo", "y once")  # the question, with what would run
            screen.answer("y")
            screen.wait("391")
            screen.say("create lantern.txt with the text hello river")
            screen.wait("lantern.txt", "y once")
            screen.answer("y")
            screen.wait("I created lantern.txt", gone=("Esc interrupts",))
            check(place.read("lantern.txt").strip() == "hello river", "the file")
            screen.say("/new")
            screen.wait("new conversation")
            screen.say("replace copper with silver in budget.txt")
            screen.wait("silver", "y once")
            screen.answer("y")
            screen.wait("changed")
            check(place.read("budget.txt") == "silver\n", "the edit")
            screen.say("/quit")
            screen.wait("[exit 0]", "carat resume")
        finally:
            screen.close()


def case_screen_denied():
    with Place() as place:
        screen = Screen(place)
        try:
            screen.wait("nano")
            screen.say("create lantern.txt with the text hello river")
            screen.wait("lantern.txt", "y once")
            screen.answer("n")
            time.sleep(0.6)
            screen.key("Enter")
            screen.wait("denied")
            check(not os.path.exists(os.path.join(place.work, "lantern.txt")), "denied, and yet written")
        finally:
            screen.close()


def case_screen_not_kept():
    """"Always" where the rule cannot be kept is a yes to this call, and the next one asks."""
    with Place() as place:
        call = '<|tool_call>call:shell{command:<|"|>echo ran >> log<|"|>}<tool_call|>'
        screen = Screen(place, "-m", script(place, call, call, "Done.<turn|>"))
        try:
            screen.wait("script")
            os.makedirs(os.path.join(place.home, "config.d", "approvals.toml"))
            screen.say("go")
            screen.wait("y once", "always")
            screen.answer("p")
            screen.wait("Write this rule")
            screen.key("y")
            screen.wait("Only this once", "y once")
            check(place.read("log") == "ran\n", "it is a yes all the same")
            screen.answer("y")
            screen.wait("Done.")
        finally:
            screen.close()


def case_screen_interrupt_and_kill():
    """Ctrl-C in the middle of one answer, kill -9 in the middle of another; then resume shows all that was seen."""
    with Place() as place:
        slow = {"text": "one two three four five six seven eight nine ten eleven twelve<turn|>", "delay_ms": 150}
        model = script(place, slow, dict(slow, delay_ms=40, text="red orange yellow green blue indigo violet black white grey<turn|>"))
        screen = Screen(place, "-m", model)
        try:
            screen.wait("script")
            screen.say("count")
            screen.wait("three")
            screen.key("C-c")
            screen.wait("topped by the user")
            screen.say("colours please")
            screen.wait("yellow")
            pid = screen.pid()
            seen = screen.text()
            os.kill(pid, signal.SIGKILL)
            screen.wait("[exit 137]")
            check(not screen.is_nonblocking(), "kill -9 left the shell's terminal non-blocking")
            colours = [word for word in ("red", "orange", "yellow", "green", "blue", "indigo") if word in seen]
            check(len(colours) >= 3 and "twelve" not in seen, seen)
        finally:
            screen.close()
        screen = Screen(place, "resume", "-m", model)
        try:
            screen.wait("count", "one two three", "colours please", " ".join(colours))
        finally:
            screen.close()


def case_screen_leaves_the_terminal_as_it_was():
    with Place() as place:
        screen = Screen(place)
        try:
            screen.wait("nano")
            screen.type("half a thought")
            screen.wait("half a thought")
            screen.key("C-c")
            screen.wait(gone=("half a thought",))
            screen.key("C-c")
            screen.wait("again")
            screen.key("C-c")
            text = screen.wait("[exit 0]")
            check("half" not in text, text)
            check(not screen.is_nonblocking(), "the shell's terminal was left non-blocking")
        finally:
            screen.close()


main(globals())
