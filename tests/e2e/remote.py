#!/usr/bin/env python3
"""Servers by name, what they speak, where their keys come from, and the ways an answer can be odd."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *

KEY = "sk-secret-0123456789"


def configure(place, text):
    with open(os.path.join(place.home, "config.toml"), "w") as file:
        file.write(text)


def case_responses():
    """The same turn as with chat/completions, over OpenAI's responses."""
    with Place() as place, ModelServer() as server:
        configure(place, f'[remote.big]\nurl = "{server.url()}"\nmodel = "gemma"\napi = "responses"\n')
        events = place.events("-m", "remote:big", "what is 17 * 23")
        check(items(events, "reasoning")[0]["text"] == "It is a sum.", events)
        said = items(events, "agent_message")
        check(said[0]["text"] == "I compute <|turn>" and "391" in said[-1]["text"], said)
        check(items(events, "command_execution")[0]["command"] == "echo $((17 * 23)); echo '<|tool_call>'", events)
        check(events[-1]["usage"] == {"input_tokens": 210, "cached_input_tokens": 40, "output_tokens": 17}, events[-1])
        (path, _, first), (_, _, second) = server.requests
        check(path == "/fine/v1/responses" and first["model"] == "gemma" and first["store"] is False, (path, first))
        check([item["role"] for item in first["input"]] == ["user"] and "carat" in first["instructions"].lower(), first["input"])
        check(all(tool["type"] == "function" and tool["name"] and "parameters" in tool for tool in first["tools"]), first["tools"])
        user, said, call, result = second["input"]
        check(said["content"][0]["type"] == "output_text" and call["type"] == "function_call", second["input"])
        check(result["type"] == "function_call_output" and result["call_id"] == call["call_id"], second["input"])
        check("391" in result["output"] and json.loads(call["arguments"])["command"].startswith("echo"), second["input"])

        def tried(fault, code, *words):
            return place.carat("exec", "--set", f"remote.big.url={server.url(fault)}", "-m", "remote:big/other", *words, "hello", code=code)
        check("no more tokens" in tried("failed", 1).stderr, "a failure that is told")
        check(tried("whole", 0).stdout.strip() == "done", "a call that comes whole")
        check("begun" in tried("incomplete", 54).stdout, "the limit of tokens")
        check("status 500" in tried("broken", 1).stderr, "500")
        check("nothing came" in tried("silent", 1, "--set", "remote.idle_s=1").stderr, "a stall")
        check("not a JSON object" in tried("wrong", 1).stderr, "wrong JSON")
        check(server.requests[-1][2]["model"] == "other", "NAME/MODEL")
        schema = '{"type": "object", "properties": {"a": {"type": "boolean"}}}'
        tried("fine", None, "--schema", schema)
        check(server.requests[-1][2]["text"]["format"]["schema"] == json.loads(schema), server.requests[-1][2])


def case_answers():
    """Thoughts in all the places where servers put them; ends that are none; a pause that is too long."""
    with Place() as place, ModelServer() as server:
        def tried(fault, code=0):
            run = place.carat("exec", "--json", "-m", "remote:big", "--remote-url", server.url(fault), "hello", code=code)
            return [json.loads(line) for line in run.stdout.splitlines()], run.stderr
        for fault, text in (("tags", "Text with <think>"), ("thinking", "Text")):
            events, _ = tried(fault)
            check(items(events, "reasoning")[0]["text"] == "so be it", (fault, events))
            check(items(events, "agent_message")[0]["text"].strip() == text, (fault, events))
        events, err = tried("half", 1)
        check("middle of the answer" in err and items(events, "agent_message")[0]["text"] == "begun", (events, err))
        _, err = tried("late", 1)
        check("come tomorrow" in err and len([1 for path, _, _ in server.requests if "/late/" in path]) == 1, err)


def case_keys_and_headers():
    with Place() as place, ModelServer() as server:
        flag = os.path.join(place.root, "ran")
        configure(place, f"""
[remote.command]
url = "{server.url()}"
key_command = "echo x >> {flag}; printf '%s\\nnot this\\n' {KEY}"
headers = ["X-Region: eu", "X-Team: a b"]
[remote.variable]
url = "{server.url()}"
key_env = "CARAT_TEST_KEY"
[remote.variable.headers]
X-One = "1"
[remote.broken]
url = "{server.url()}"
key_command = "echo {KEY}; exit 3"
[remote.empty]
url = "{server.url()}"
key_command = "true"
[remote.denied]
url = "{server.url('denied')}"
key_command = "echo {KEY}"
[remote.moved]
url = "{server.url('moved')}"
key_command = "echo {KEY}"
[remote.plain]
url = "http://example.org/v1"
headers = ["X-Api-Key: {KEY}"]
""")
        place.carat("exec", "-m", "remote:command", "what is 17 * 23")
        headers = server.requests[0][1]
        check(headers["Authorization"] == "Bearer " + KEY and headers["X-Region"] == "eu" and headers["X-Team"] == "a b", headers)
        check(server.requests[0][2]["model"] == "command" and open(flag).read() == "x\n", "run once; the name is the model")
        place.carat("exec", "-m", "remote:variable", "hello", env={"CARAT_TEST_KEY": KEY})
        check(server.requests[-1][1]["Authorization"] == "Bearer " + KEY and server.requests[-1][1]["X-One"] == "1", "a variable")

        def refused(name, words, code=57):
            run = place.carat("exec", "-m", "remote:" + name, "hello", code=code)
            check(words in run.stderr and KEY not in run.stderr.replace("echo " + KEY, "") + run.stdout, (name, run.stderr))
        seen = len(server.requests)
        refused("variable", "CARAT_TEST_KEY")
        refused("broken", "failed")
        refused("empty", "no key")
        refused("plain", "in the clear")
        check(len(server.requests) == seen, "nothing was sent")
        refused("denied", "status 401", 1)
        refused("moved", "status 302", 1)
        check(not any("fine" in path for path, _, _ in server.requests[seen:]), "the key does not follow a redirect")
        for folder, _, names in os.walk(os.path.join(place.home, "data")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    check(KEY.encode() not in file.read(), name)
        for text, words in (('[remote.a]\nurl = 3\n', "remote.a.url"), ('[remote.a]\nhue = "x"\n', "remote.a.hue"),
                            ('[remote.a]\napi = "soap"\n', "chat or responses"), ('[remote.a]\nheaders = ["x"]\n', "Name: value"),
                            ('[remote.a]\nheaders = ["X: a\\r\\nY: b"]\n', "Name: value")):
            configure(place, text)
            check(words in place.carat("exec", "hello", code=2).stderr, text)
        configure(place, '[remote.a]\nmodel = "x"\n')
        check("remote.a.url" in place.carat("exec", "-m", "remote:a", "hello", code=57).stderr, "a server without a place")


main(globals())
