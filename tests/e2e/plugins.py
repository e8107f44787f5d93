#!/usr/bin/env python3
"""Foreign MCP servers, hooks of the user, and what a project's own files may do, with the real program."""
import json
import os
import pty
import shutil
import socket
import sys
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

SERVER = os.path.join(SOURCE, "tests", "e2e", "hostile_server.py")


def call(name, **arguments):
    """A call as the model writes it; strings only."""
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def configure(place, fault, more="", name="x", timeout=20):
    """A server from the user's configuration, in a copy that the sandbox shows."""
    place.write("server.py", open(SERVER).read())
    path = os.path.join(place.home, "config.toml")
    with open(path, "a") as file:
        file.write(f'[mcp.{name}]\ncommand = "python3"\nargs = ["server.py", "{fault}"]\ntimeout_s = {timeout}\n{more}\n')


def results(place, *turns, words=(), code=0):
    """The results of the calls of one turn, and the run."""
    run = place.carat("exec", "--json", *words, "-m", script(place, *turns, "Done.<turn|>"), "go", code=code)
    done = [json.loads(line) for line in run.stdout.splitlines()]
    return [item["result"] if item.get("result") is not None else item.get("error") for item in items(done, "mcp_tool_call")], run


def only(place, *turns, **more):
    found, run = results(place, *turns, **more)
    check(len(found) == len(turns), (found, run.stderr))
    return json.dumps(found[-1]), run


def echo(words="hello", name="x"):
    return call(f"mcp__{name}__echo", words=words)


def case_both_protocols():
    for fault in ("none", "stateless"):
        with Place() as place:
            configure(place, fault)
            said, _ = only(place, echo())
            check("hello to you" in said, said)
    with Place() as place:  # as the lines tell of them
        configure(place, "none")
        configure(place, "dies_at_once", name="bad")
        model = script(place, echo(), "Done.<turn|>")
        init, *_ = [json.loads(line) for line in place.carat("exec", "--output-format", "stream-json", "-m", model, "go").stdout.splitlines()]
        check(init["mcp_servers"] == [{"name": "bad", "status": "failed"}, {"name": "x", "status": "connected"}], init)
        check("shell" in init["tools"] and "mcp__x__echo" in init["tools"], init)
        item, = items([json.loads(line) for line in place.carat("exec", "--json", "-m", model, "go").stdout.splitlines()], "mcp_tool_call")
        check((item["server"], item["tool"]) == ("x", "echo"), item)


def case_server_faults():
    """Each fault ends as a result that says so; the turn goes on to its end."""
    rows = (("dies", "exit status 3"), ("hangs", "did not answer within 2 s"), ("floods", "floods us"), ("long_line", "4 MiB"),
            ("wrong_id", "right"), ("no_json", "survived"), ("asks", "asked"), ("deaf", "error"), ("not_object", "not an object"),
            ("input_required", "asks for more"), ("stderr", "after 20 MB"))
    for fault, wanted in rows:
        with Place() as place:
            start = time.monotonic()
            configure(place, fault, timeout=2 if fault == "hangs" else 60)
            said, run = only(place, echo())
            check(wanted in said and "WRONG" not in said and "\x1b" not in said, (fault, said, run.stderr))
            print(f"{fault}: {time.monotonic() - start:.1f} s")


def case_servers_that_do_not_start():
    rows = (("dies_at_once", "no licence"), ("old", "version of the protocol"), ("refuses", "refused to initialize: no such method"),
            ("bad_list", "no list of tools"), ("needs_key", "refused to initialize: API_KEY is not set"),
            ("needs_key_and_ends", "refused to initialize: API_KEY is not set"), ("dies_as_node", "Error: Cannot find module '/x/y'"))
    for fault, wanted in rows:
        with Place() as place:
            configure(place, fault)
            configure(place, "none", name="good")
            said, run = only(place, echo(name="good"))
            check("hello to you" in said and wanted in run.stderr and "\x1b" not in run.stderr, (fault, run.stderr))
            check("signal 9" not in run.stderr, (fault, run.stderr))


def case_restart():
    with Place() as place:
        configure(place, "dies")
        found, _ = results(place, echo(), echo("again"), call("shell", command="sleep 1.2"), echo("later"))
        check("exit status 3" in json.dumps(found[0]) and "tried again in" in json.dumps(found[1]), found)
        check("exit status 3" in json.dumps(found[-1]), found)  # it was started, and died, once more
    with Place() as place:
        configure(place, "changed", "writable = true")
        found, _ = results(place, echo(), call("shell", command="sleep 1.2"), echo("later"))
        check("changed this tool" in json.dumps(found[-1]), found)
        check(place.read("started") == "2", "it was started twice")


def case_orderly_end():
    """In the sandbox, too, a server ends by itself when its input does; one that stays is ended."""
    for fault in ("orderly", "stays"):
        with Place() as place:
            configure(place, fault, "writable = true")
            said, _ = only(place, echo())
            check("hello to you" in said and os.path.exists(os.path.join(place.work, "orderly")) == (fault == "orderly"), (fault, said))


def case_tools_are_checked():
    with Place() as place:
        configure(place, "bad_tools")
        path = os.path.join(place.home, "seen.json")
        found, run = results(place, call("mcp__x__fine", words="a"))
        for words in ("twice", "letters, digits", "longer than 64", "nested more", "more than 24 arguments", "type of an argument",
                      "name of an argument", "longer than 4096"):
            check(words in run.stderr, (words, run.stderr))
        check("\x1b" not in run.stderr and "'a'} to you" in json.dumps(found), (run.stderr, found))
        for good in ("mcp__x__poison", "mcp__x__pydantic"):
            said, _ = only(place, call(good))
            check("to you" in said, said)
        for bad in ("deep", "needs"):
            unknown, _ = only(place, call("mcp__x__" + bad))
            check("there is no tool" in unknown, unknown)
        check('"untyped" is declared without arguments whose type is not told: a, b\n' in run.stderr and '"needs" is left out: the type' in run.stderr, run.stderr)
        check('"admin_tools.list" is left out: without its dots' in run.stderr, run.stderr)
        said, _ = only(place, call("mcp__x__untyped", words="b"))
        check("{'words': 'b'} to you" in said, said)
        said, _ = only(place, call("mcp__x__admin_tools_list", words="b"))
        check("admin.tools.list {" in said, "under the server's own name: " + said)
    with Place() as place:
        configure(place, "many")
        _, run = results(place, call("mcp__x__t000", words="a"))
        check("too many" in run.stderr and "left out" in run.stderr, run.stderr)
    with Place() as place:
        configure(place, "endless_pages")
        said, run = only(place, echo())
        check("names it twice" in run.stderr and "hello to you" in said, run.stderr)
    with Place() as place:
        configure(place, "pages")
        found, run = results(place, call("mcp__x__page7", words="a"), call("mcp__x__page8", words="a"))
        check("a to you" in json.dumps(found[0]) and "there is no tool" in json.dumps(found[1]) and "more than 8 pages" in run.stderr, (found, run.stderr))
    with Place() as place:
        configure(place, "last_page")
        said, run = only(place, echo())
        check("hello to you" in said and "pages" not in run.stderr and "twice" not in run.stderr, run.stderr)


def case_results_are_bounded():
    with Place() as place:
        configure(place, "big")
        said, _ = only(place, echo())
        check("BEGIN" in said and "END" not in said and "more_output" in said and len(said) < 5000, len(said))
    with Place() as place:
        configure(place, "long_error")
        said, _ = only(place, echo())
        check("BEGIN" in said and "END" not in said and "more_output" in said and len(said) < 5000, len(said))
    with Place() as place:
        configure(place, "no_content")
        said, _ = only(place, echo())
        check("without content" in said, said)
    with Place() as place:
        configure(place, "escape")
        said, run = only(place, echo())
        check("\x1b" not in run.stderr and "turn" in said, said)


def case_pictures():
    """A server's picture goes through the decoder and follows the response; the small model sees it. Rubbish is told in words."""
    def show(words, expected):
        model = script(place, echo(words) + "<|tool_response>", {"text": "Seen.<turn|>", "expect": expected})
        run = place.carat("exec", "-m", model, "what is drawn?")
        kept = place.database().execute("select details from messages where details like '%call_id%' order by row").fetchall()[-1][0]
        check("\x1b" not in run.stderr + kept, (run.stderr, kept))
        return kept

    with Place() as place:
        shown = os.path.join(place.work, "shown")
        shutil.copy(os.path.join(SOURCE, "tests", "engine", "vision", "data", "picture01.png"), shown)
        configure(place, "picture")
        for words, said in (("once", "(a picture)"), ("twice", "[image: not shown]")):
            kept = show(words, "}<tool_response|><|image|>")
            check("drawn" in kept and said in kept and kept.count('"kind":"image"') == 1, kept)
        pieces = [row[0] for row in place.database().execute("select bytes from result_pieces")]
        with open(os.path.join(place.work, "kept.png"), "wb") as file:
            file.write(pieces[-1])
        run = place.carat("exec", "-i", "kept.png", "what do you see?")  # as the conversation holds it
        check(run.stdout.startswith("I see a green ") and run.stdout.endswith(" on blue.\n"), run.stdout)
        whole = open(shown, "rb").read()
        kept = show("spoilt", "error: the picture cannot be decoded")
        check("not a whole PNG or JPEG" in kept and '"kind":"image"' not in kept, kept)
        for rubbish, said in ((whole[:200], "not a whole PNG or JPEG"), (b"\x1b[2Jrubbish" * 99, "not a whole PNG or JPEG"), (b"", "not a whole PNG"),
                              (whole[:16] + b"\0\0\x2e\xe0" * 2 + whole[24:], "too large")):
            with open(shown, "wb") as file:
                file.write(rubbish)
            kept = show("once", "error: the picture cannot be decoded")
            check(said in kept and '"kind":"image"' not in kept, kept)


def case_server_is_in_the_sandbox():
    """What it may not do, and with the user's leave it can: the control."""
    for leave, outcome in (("", dict(workspace=False, network=False)), ("writable = true\nnetwork = true", dict(workspace=True, network=True))):
        with Place() as place, socket.create_server(("127.0.0.1", 0)) as listener:
            secret = os.path.join(place.home, "secret")
            open(secret, "w").close()
            variables = f'env.PORT = "{listener.getsockname()[1]}"\nenv.SECRET = "{secret}"'
            configure(place, "walls", f"{leave}\n{variables}")
            said, _ = only(place, echo())
            got = json.loads(json.loads(said)["output"] if "output" in json.loads(said) else json.loads(said)["content"][0]["text"])
            check(got == dict(outcome, home=got["home"], etc=False, secret=False), got)
            check(not os.path.exists(os.path.join(place.home, "made")), "home")


def case_foreign_tools_ask():
    with Place() as place:
        configure(place, "none")  # its readOnlyHint says that it changes nothing
        place.carat("exec", "--mode", "auto-edit", "-m", script(place, echo(), "Done.<turn|>"), "go", code=55)
        said, _ = only(place, echo(), words=("--mode", "ask", "--allow", "mcp__x__echo"))
        check("hello to you" in said, said)
        said, _ = only(place, echo(), words=("--mode", "read-only"))
        check("hello to you" not in said, said)


def case_project_servers_need_trust():
    with Place() as place:
        place.write("server.py", open(SERVER).read())
        place.write(".mcp.json", json.dumps({"mcpServers": {
            "x": {"command": "python3", "args": ["server.py", "${FAULT:-none}"]},
            "Bad Name": {"command": "true"}, "remote": {"type": "http", "url": "http://example.org/"}}}))
        said, run = only(place, echo())
        check("there is no tool" in said and "carat trust" in run.stderr, (said, run.stderr))
        check("terminal alone" in place.carat("trust", code=1, stdin="y\n").stderr, "no yes from a pipe")
        screen = Screen(place, "trust")
        try:
            shown = screen.wait("server.py", "Trust this file")
            check("Bad Name" in shown, shown)
            screen.say("y")
            screen.wait("Trusted")
        finally:
            screen.close()
        said, run = only(place, echo())
        check("hello to you" in said and "Bad Name" in run.stderr and "remote" in run.stderr, (said, run.stderr))
        place.write(".mcp.json", place.read(".mcp.json") + " ")  # another byte, another file
        said, _ = only(place, echo())
        check("there is no tool" in said, said)
        os.rename(os.path.join(place.work, ".mcp.json"), os.path.join(place.work, "servers.json"))
        os.symlink("servers.json", os.path.join(place.work, ".mcp.json"))
        said, run = only(place, echo())
        check("there is no tool" in said and ".mcp.json is a symbolic link" in run.stderr, (said, run.stderr))


def case_forms_of_project_servers():
    """What an entry cannot mean is left out with its reason; what is switched off is not there."""
    server = {"command": "python3", "args": ["server.py", "none"]}
    bad = {"number": ({"args": "server.py"}, "args"), "listed": ({"env": ["A=b"]}, "env"), "port": ({"env": {"PORT": 8080}}, "is no string"),
           "unset": ({"args": ["server.py", "${CARAT_UNSET}/data"]}, "CARAT_UNSET is not set"), "sse": ({"type": "sse"}, "stdio"),
           "maybe": ({"disabled": "yes"}, "neither true nor false"), "none": ({"command": ""}, "no command"), "escape": ({"env": {"A\x1b[2J": "x"}}, "no plain name")}
    with Place() as place:
        place.write("server.py", open(SERVER).read())
        place.write("servers.json", json.dumps({"mcpServers": {
            "x": dict(server, args=["server.py", "${CARAT_UNSET:-none}"], type="stdio", cwd="/tmp", env={"A": "b"}),
            "off": dict(server, disabled=True), "not-on": dict(server, enabled=False), "on": dict(server, enabled=True, disabled=False),
            **{name: dict(server, **more) for name, (more, _) in bad.items()}}}))
        found, run = results(place, *[echo(name=name) for name in ("x", "on", "off", "not-on", *bad)], words=("--mcp-config", "servers.json"))
        said = [json.dumps(one) for one in found]
        check("hello to you" in said[0] and "hello to you" in said[1], said)
        check(all("there is no tool" in one for one in said[2:]), said)
        for name, (_, words) in bad.items():
            check(any(f'"{name}" is left out' in line and words in line for line in run.stderr.splitlines()), (name, run.stderr))
        check('"off"' not in run.stderr and '"not-on"' not in run.stderr and "\x1b" not in run.stderr, run.stderr)
        check('"x" is started without what this key says: cwd' in run.stderr, run.stderr)


def asked(place, ahead, answer):
    """What `carat trust` says on a terminal where `ahead` was typed before the program began."""
    ready, go = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        os.read(ready, 1)
        os.chdir(place.work)
        os.execve(CARAT, [CARAT, "trust"], dict(place.env, TERM="dumb"))
    os.write(terminal, ahead)
    os.write(go, b"x")
    said, answered = b"", False
    while True:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not answered and b"[y/N] " in said:
            answered = True
            os.write(terminal, answer)
    for fd in (ready, go, terminal):
        os.close(fd)
    check(os.waitpid(pid, 0)[1] == 0, said)
    return said.decode()


def case_trust_is_answered_after_the_question():
    for ahead, answer, word in ((b"y\n", b"n\n", "Not trusted"), (b"y\n", b"y\n", "Trusted"), (b"", b"yes\n", "Trusted"), (b"", b"Y\n", "Trusted"),
                                (b"", b"yesterday I saw a bug\n", "Not trusted"), (b"", b"yes, but\n", "Not trusted"), (b"", b"\n", "Not trusted")):
        with Place() as place:
            place.write(".mcp.json", json.dumps({"mcpServers": {"x": {"command": "true"}}}))
            said = asked(place, ahead, answer)
            check("\n" + word in said, (ahead, answer, said))
            check("in your configuration: " not in said, said)
    with Place() as place:  # what such a server may do by the user's own configuration
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[mcp.x]\nnetwork = true\nwritable = true\nreadable = ["/a", "/b"]\nenv.TOKEN = "secret"\n[mcp.y]\ntimeout_s = 5\n'
                       '[mcp.z]\ncommand = "true"\n[mcp.else]\nnetwork = true\n')
        place.write(".mcp.json", json.dumps({"mcpServers": {name: {"command": "true"} for name in ("x", "y", "z", "w")}}))
        said = asked(place, b"", b"n\n").replace("\r", "")
        for line in ("[mcp.x] in your configuration: it may use the network, all of it; it may write in this folder; it may read /a, /b; "
                     "it is given the variables TOKEN\n", "[mcp.y] in your configuration: no more than the others\n",
                     "[mcp.z] in your configuration: yours is started in place of the file's\n"):
            check(line in said and said.index(line) < said.index("Trust this file"), (line, said))
        check("[mcp.else]" not in said and "[mcp.w]" not in said and "secret" not in said, said)


def case_trust_shows_what_starts():
    """However long the file is and however it spells its letters, the programs stand directly above the question."""
    with Place() as place:
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[mcp.mine]\ncommand = "true"\n[mcp.off]\nenabled = false\n')
        servers = {"mine": {"command": "theirs"}, "off": {"command": "never"}, "web": {"url": "http://example.org/"}, "unset": {"command": "${CARAT_UNSET}"},
                   "long": {"command": "python3", "args": ["x" * 5000], "env": {"A": "b c"}}, "rlo": {"command": "a", "args": ["\u202e", "", '"', "\x1b[2J"]}}
        text = json.dumps({"mcpServers": servers})
        place.write(".mcp.json", '{"mcpServers": {"last": {"command": "\\u0073h", "args": ["-c", "echo \\u0065vil"]},' + "\n" * 3000 + text[len('{"mcpServers": {'):])
        said = asked(place, b"", b"n\n").replace("\r", "")
        above = said[:said.index("Trust this file")].splitlines()
        check(above[-4:-2] == ["What would be started (3 of the 7 in the file):", '  last: sh -c "echo evil"'], above[-6:])
        check(above[-2].startswith('  long: A="b c" python3 xxx') and above[-2].endswith(" more bytes]") and len(above[-2]) < 500, above[-2])
        check(above[-1] == '  rlo: a "\\u{202E}" "" "\\"" "\\x1B[2J"', above[-1])


def case_screen_lists_servers():
    with Place() as place:
        configure(place, "none")
        screen = Screen(place, "-m", script(place, echo(), "Done.<turn|>"))
        try:
            screen.wait("script")
            time.sleep(1)
            screen.say("/mcp")
            screen.wait("mcp__x__echo", "ready")
            screen.say("go")
            screen.wait("always")
            screen.answer("p")
            screen.wait("Write this rule")
            screen.key("y")
            screen.wait("Done.")
        finally:
            screen.close()
        with open(os.path.join(place.home, "config.d", "approvals.toml")) as file:
            check('"mcp__x__echo"' in file.read(), "written")
        said, _ = only(place, echo(), words=("--mode", "ask"))  # and read again
        check("hello to you" in said, said)


def hook(place, event, command, tool="shell", more=""):
    with open(os.path.join(place.home, "config.toml"), "a") as file:
        file.write(f'[[hooks]]\nevent = "{event}"\ntool = "{tool}"\ncommand = {json.dumps(command)}\n{more}\n')


def case_hooks():
    run_it = call("shell", command="echo ran > made; echo said")
    with Place() as place:
        seen = os.path.join(place.home, "seen")
        hook(place, "before_tool", f"cat > {seen}; echo nothing >&2")
        hook(place, "after_tool", f"cat > {seen}.after")
        place.carat("exec", "-m", script(place, run_it, "Done.<turn|>"), "go")
        event, after = (json.load(open(path)) for path in (seen, seen + ".after"))
        check(event["event"] == "before_tool" and event["tool"] == "shell" and event["workspace"] == os.path.realpath(place.work) and
              event["arguments"]["command"].startswith("echo ran") and len(event["conversation"]) == 36, event)
        check(after["event"] == "after_tool" and "said" in json.dumps(after["result"]) and after["failed"] is False, after)
        check(place.read("made") == "ran\n", "the call ran")
    rows = (("echo 'not today' >&2; exit 2", "", False, "not today"), ("exit 7", "", True, "ended with 7"),
            ("sleep 60", "timeout_s = 1", False, "stopped after 1 s"), ("kill -9 $$", "", False, "signal 9"),
            ("no-such-guard", "", False, "ended with 127"), ("exit 2", "", False, "ended with 2"), ("yes >&2", "timeout_s = 1", False, "stopped after"),
            ("grep -q 'echo ran' /dev/stdin || exit 0; echo by name > /dev/stderr; exit 2", "", False, "denied by a hook: by name"))
    for command, more, runs, words in rows:
        with Place() as place:
            hook(place, "before_tool", command, more=more)
            run = place.carat("exec", "-m", script(place, run_it, "Done.<turn|>"), "go")
            check(os.path.exists(os.path.join(place.work, "made")) == runs and words in run.stderr, (command, run.stderr))
    with Place() as place:  # Python's own modules, not the workspace's
        place.write("json.py", "open('taken', 'w').close()\nraise SystemExit(0)\n")
        hook(place, "before_tool", "python3 -c 'import json, sys; json.load(sys.stdin); sys.exit(2)'")
        run = place.carat("exec", "-m", script(place, run_it, "Done.<turn|>"), "go")
        check("ended with 2" in run.stderr and not os.path.exists(os.path.join(place.work, "taken")), run.stderr)
    with Place() as place:  # a tool that there is not
        hook(place, "before_tool", "exit 2", tool="Shell")
        run = place.carat("exec", "-m", script(place, run_it, "Done.<turn|>"), "go", code=2)
        check("config.toml:" in run.stderr and '"Shell"' in run.stderr and not os.path.exists(os.path.join(place.work, "made")), run.stderr)
    with Place() as place:  # of another tool, and one by the beginning of its name
        hook(place, "before_tool", "exit 2", tool="write_file")
        hook(place, "before_tool", "echo by beginning >&2; exit 2", tool="mcp__*")
        configure(place, "none")
        said, _ = only(place, echo())
        check("by beginning" in said, said)
        place.carat("exec", "-m", script(place, run_it, "Done.<turn|>"), "go")
        check(place.read("made") == "ran\n", "another tool's hook")
    with Place() as place:  # after the tool: the model reads the word of the hook, the change stays
        hook(place, "after_tool", "echo 'tests fail now' >&2; exit 2")
        model = script(place, run_it, {"text": "Done.<turn|>", "expect": "tests fail now"})
        place.carat("exec", "-m", model, "go")
        check(place.read("made") == "ran\n", "it had run")


def case_project_configuration():
    with Place() as place:
        os.mkdir(os.path.join(place.work, ".carat"))
        loose = '[agent]\nmode = "full"\n[approval]\nallow = ["shell"]\n[[hooks]]\ncommand = "touch hooked"\n[mcp.x]\ncommand = "touch"\n'
        place.write(".carat/config.toml", loose)
        run = place.carat("exec", "--mode", "ask", "-m", script(place, call("shell", command="touch made"), "Done.<turn|>"), "go", code=55)
        for words in ("agent.mode is left out", "approval.allow is left out", "hooks.0.command is left out", "mcp.x.command is left out"):
            check(words in run.stderr, (words, run.stderr))
        check(not os.path.exists(os.path.join(place.work, "hooked")), "no hook of a project")
        place.write(".carat/config.toml", '[agent]\nmode = "read-only"\n[approval]\ndeny = ["shell(rm *)"]\n')
        why = place.carat("--mode", "full", "policy", "why", "shell(ls; rm x)").stdout
        check("is refused (rule: shell(rm *))" in why, why)
        model = script(place, call("shell", command="touch made"), "Done.<turn|>")
        place.carat("exec", "--mode", "full", "-m", model, "go")
        check(not os.path.exists(os.path.join(place.work, "made")), "read-only")
        os.remove(os.path.join(place.work, ".carat", "config.toml"))
        place.carat("exec", "--mode", "full", "-m", model, "go")  # the control
        check(os.path.exists(os.path.join(place.work, "made")), "without the file it runs")
        place.write(".carat/local.toml", '[agent]\nmode = "ask"\nmax_turns = 7\n')
        screen = Screen(place, "--mode", "full", "-m", script(place), columns=100, rows=40)
        try:
            screen.wait("script")
            screen.say("/config")
            screen.wait("agent.max_turns = 7  (.carat/local.toml:3)", "agent.mode = ask  (--mode, then .carat/local.toml:2)")
            screen.say("/mode full")
            screen.wait("this project allows ask at most (.carat/local.toml:2)")
        finally:
            screen.close()
        os.remove(os.path.join(place.work, ".carat", "local.toml"))
        paints = '"shell(x \\u001b]0;pwned\\u0007\\u001b[31m)"'
        for deny, code in ((f'[{paints}, "shell(echo \\u202e)"]', 0), ('["nope\\u001b]0;pwned\\u0007"]', 2)):
            place.write(".carat/config.toml", f"[approval]\ndeny = {deny}\n")
            for asked in ("shell(echo $(x))", "shell(echo \u202e)"):
                run = place.carat("policy", "why", asked, code=code)
                check(not set("\x1b\x07\u202e") & set(run.stdout + run.stderr), (run.stdout, run.stderr))
        place.write(".carat/config.toml", "[agent\n")
        check(".carat/config.toml:" in place.carat("exec", "-m", model, "go", code=2).stderr, "a broken file")
        place.write(".carat/config.toml", 'agent.mode = "\\u001b[31mx"\n')
        for words, code in (("exec", "-m", model, "go"), 2), (("mcp",), 2), (("acp",), 2), (("serve",), 2):
            said = place.carat(*words, code=code).stderr
            check("agent.mode is" in said and "\x1b" not in said, (words, said))


main(globals())
