#!/usr/bin/env python3
"""Flags of the command line that say where settings come from and what a run may reach."""
import json
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *

ID = "0199a213-81c0-7800-8aa1-bbab2a035a53"
ECHO = '<|tool_call>call:mcp__x__echo{words:<|"|>hello<|"|>}<tool_call|>'


def case_session_id():
    """The conversation gets the id that the caller has; once."""
    with Place() as place:
        first = place.events("--session-id", ID, "hello")
        check(first[0]["thread_id"] == ID, first)
        check("one already" in place.carat("exec", "--session-id", ID, "hello", code=2).stderr, "taken")
        check("UUID" in place.carat("exec", "--session-id", "mine", "hello", code=2).stderr, "no UUID")
        check(place.events("--resume", ID, "hello")[0]["thread_id"] == ID, "it goes on")
        fork = place.events("--resume", ID, "--fork-session", "hello")[0]["thread_id"]
        check(fork != ID, "the name that others have for --fork")
        check(len(place.carat("sessions").stdout.splitlines()) == 2, "two conversations")


def case_profile():
    with Place() as place:
        os.mkdir(place.home + "/profiles")
        with open(place.home + "/config.toml", "w") as file:
            file.write('[agent]\nmax_turns = 1\n')
        with open(place.home + "/profiles/long.toml", "w") as file:
            file.write('[agent]\nmax_turns = 5\n')
        place.carat("exec", "what is 17 * 23", code=53)
        check("391" in place.carat("exec", "--profile", "long", "what is 17 * 23").stdout, "the profile wins over the file")
        place.carat("exec", "what is 17 * 23", "--profile=long", "--max-turns", "1", code=53)
        check("profiles/none.toml" in place.carat("exec", "--profile", "none", "x", code=2).stderr, "there is none")
        check("letters" in place.carat("exec", "--profile", "../config", "x", code=2).stderr, "a name, not a path")


def case_bare():
    """What is found by itself is left; rules and settings stay."""
    with Place() as place:
        place.write("AGENTS.md", "Always answer in Latin.\n")
        with open(place.home + "/config.toml", "w") as file:
            file.write('[approval]\ndeny = ["shell"]\n[[hooks]]\nevent = "before_tool"\ntool = "*"\ncommand = "touch hooked"\n')
        with_notes = {"text": "yes<turn|>", "expect": "Latin"}
        place.carat("exec", "-m", script(place, with_notes), "x")
        check("does not hold" in place.carat("exec", "--bare", "-m", script(place, with_notes), "x", code=1).stderr, "no notes")
        calls = ['<|tool_call>call:list_files{}<tool_call|>', '<|tool_call>call:shell{command:<|"|>touch ran<|"|>}<tool_call|>', "done<turn|>"]
        place.carat("exec", "--bare", "-m", script(place, *calls), "x", code=None)
        check(sorted(os.listdir(place.work)) == ["AGENTS.md"], "no hook; the rule holds")
        place.carat("exec", "-m", script(place, *calls), "x", code=None)
        check("hooked" in os.listdir(place.work), "with hooks otherwise")


def case_offline():
    with Place() as place, ModelServer() as server:
        words = ("exec", "-m", "remote:big", "--remote-url", server.url(), "what is 17 * 23")
        check("391" in place.carat(*words).stdout, "a server otherwise")
        typed = ("exec", "--endpoint", server.url(), "what is 17 * 23")
        check("391" in place.carat(*typed, "-m", "big").stdout and "big" in str(server.requests[-1][2]), "an address is meant as it is typed")
        check("needs the model's name" in place.carat(*typed, code=None).stderr, "and never another model in its place")
        seen = len(server.requests)
        check("--offline" in place.carat(*words, "--offline", code=2).stderr and len(server.requests) == seen, "not asked")
        check("--offline" in place.carat("models", "pull", "gemma-4-e2b", "--offline", code=2).stderr, "nothing is pulled")
        check("391" in place.carat("exec", "--offline", "what is 17 * 23").stdout, "the model here")
        fetch = f'<|tool_call>call:http_fetch{{url:<|"|>{server.url()}<|"|>}}<tool_call|>'
        host = server.url().split("/")[2]
        place.carat("exec", "--offline", "--allow-host", host, "-m", script(place, fetch, "done<turn|>"), "x")
        check(len(server.requests) == seen, "no host for tools either")
    with Place() as place:  # nor for commands, whoever opened it, and the flag that opens nothing is told
        command = ("sandbox", "--", "sh", "-c", "echo proxy: $http_proxy")
        opens = ("--allow-network", "127.0.0.1:9")
        check("proxy: http" in place.carat(*opens, *command).stdout, "the control")
        run = place.carat("--offline", *opens, *command)
        check(run.stdout == "proxy:\n" and "--allow-network opens nothing" in run.stderr, run.stdout + run.stderr)
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[tools]\nnetwork = ["127.0.0.1:9"]\n')
        run = place.carat("--offline", *command)
        check(run.stdout == "proxy:\n" and run.stderr == "", run.stdout + run.stderr)
        why = place.carat("--offline", "policy", "why", "shell(curl http://a.b/)").stdout
        check("network        none: --offline\n" in why, why)
        check("without a sandbox" in place.carat("--offline", "-s", "danger-full-access", "policy", "why", "shell(ls)").stderr, "it does not hold")


def case_policy():
    """policy why says what would happen with the flags beside it, and nothing of what it cannot read."""
    rows = ((("-s", "danger-full-access"), "shell(curl http://a.b/)", "network        all of it"),
            (("-s", "danger-full-access"), "shell(ls)", "sandbox        none: danger-full-access"),
            (("-s", "read-only"), "write_file(zz)", "in exec        is refused (this session may only read"),
            (("-s", "read-only"), "shell(ls)", "in exec        runs (mode: full)"),
            (("-s", "read-only"), "read_file(zz)", "sandbox        read-only"),
            ((), "shell(ls)", "sandbox        workspace-write\n"),
            ((), "mcp__x__y", "sandbox        its server's"),
            (("--no-tools",), "shell(ls)", "in exec        is refused (the model has no tools"),
            (("--deny", "shell"), "shell(ls)", "in exec        is refused (rule: shell)"))
    with Place() as place:
        for words, asked, answer in rows:
            why = place.carat(*words, "policy", "why", asked).stdout
            check(answer in why, (words, asked, why))
        for asked, words in (("shell(ls", "TOOL(ARGUMENT)"), ("ls)", "TOOL(ARGUMENT)"), ("(ls)", "TOOL(ARGUMENT)"), ("", "TOOL(ARGUMENT)"),
                             ("shell(\udcff)", "not UTF-8"), ("mcp__x__y(z)", "no argument of mcp__x__y")):
            run = place.carat("policy", "why", asked, code=2)
            check(words in run.stderr and run.stdout == "", (asked, run.stdout, run.stderr))
        check("no such tool" in place.carat("policy", "why", "Shell(ls)").stdout, "that it would be refused is an answer")
        os.mkdir(os.path.join(place.work, ".carat"))
        place.write(".carat/config.toml", '[agent]\ntools = false\nmode = "full"\n[approval]\nallow = ["shell"]\n')
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[[hooks]]\nevent = "before_tool"\ntool = "sh*"\ncommand = "guard"\n[[hooks]]\nevent = "after_tool"\ntool = "write_file"\ncommand = "lint"\n')
        run = place.carat("policy", "why", "shell(ls)")
        check("approval.allow is left out" in run.stderr and "the model has no tools" in run.stdout, run.stderr + run.stdout)
        check("hook before    guard (" in run.stdout and "lint" not in run.stdout, run.stdout)


def case_mcp_config():
    """Servers of a file that the command line names; strict: those alone."""
    with Place() as place:
        with open(os.path.join(SOURCE, "tests", "e2e", "hostile_server.py")) as server:
            place.write("server.py", server.read())
        with open(place.home + "/config.toml", "w") as file:
            file.write('[mcp.own]\ncommand = "python3"\nargs = ["server.py", "none"]\n')
        place.write("mine.json", json.dumps({"mcpServers": {"x": {"command": "python3", "args": ["server.py", "none"]}}}))

        def said(call, *words):
            run = place.carat("exec", "--json", *words, "-m", script(place, call, "done<turn|>"), "go", code=None)
            return "hello to you" in run.stdout
        own = ECHO.replace("__x__", "__own__")
        check(said(own) and not said(ECHO), "the file's are not there by themselves")
        check(said(ECHO, "--mcp-config", "mine.json") and said(own, "--mcp-config", "mine.json"), "both")
        strict = ("--mcp-config", "mine.json", "--strict-mcp-config")
        check(said(ECHO, *strict) and not said(own, *strict), "strict")
        check(said(ECHO, "--bare", "--mcp-config", "mine.json") and not said(own, "--bare"), "bare, and what is named")
        place.write("theirs.json", json.dumps({"mcp": {"x": {"type": "local", "command": ["python3", "server.py", "none"], "cwd": "."},
                                                       "y": {"command": ["false"], "enabled": False}}}))
        place.write("theirs.toml", 'model = "m"\n[mcp_servers.x]\ncommand = "python3"\nargs = ["server.py", "none"]\n'
                                   'env = { A = "b" }\ntool_timeout_sec = 60\n[mcp_servers.y]\ncommand = "false"\nenabled = false\n')
        for name, unused in (("theirs.json", "cwd"), ("theirs.toml", "tool_timeout_sec")):
            check(said(ECHO, "--mcp-config", name), "as others write it: " + name)
            told = place.carat("exec", "--mcp-config", name, "-m", script(place, "a<turn|>"), "x").stderr
            check(f'"x" this is not used: {unused}' in told and '"y"' not in told, told)
        place.write("bad.toml", "[mcp_servers")
        check("bad.toml:1" in place.carat("exec", "--mcp-config", "bad.toml", "x", code=2).stderr, "no TOML")
        place.write("bad.json", "{}")
        check("bad.json" in place.carat("exec", "--mcp-config", "bad.json", "x", code=2).stderr, "no servers in it")


def case_other_names():
    """What other programs call the modes and flags."""
    with Place() as place:
        touch = '<|tool_call>call:shell{command:<|"|>touch ran<|"|>}<tool_call|>'
        for words, ran in ((("--ask-for-approval", "on-request"), False), (("--ask-for-approval", "untrusted"), False),
                           (("--ask-for-approval", "never"), True), (("--permission-mode", "bypassPermissions"), True)):
            place.carat("exec", *words, "-m", script(place, touch, "done<turn|>"), "x", code=0 if ran else 55)
            check(os.path.exists(place.work + "/ran") == ran, words)
            if ran:
                os.unlink(place.work + "/ran")
        place.carat("exec", "--screen-reader", "--ax-screen-reader", "hello")


main(globals())
