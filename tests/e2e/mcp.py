#!/usr/bin/env python3
"""`carat mcp`: carat's tools and carat itself for other programs, in both manners of the protocol."""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *
from rpc_peer import Peer, Refused

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
TOOLS = ["shell", "read_file", "write_file", "edit_file", "list_files", "search_files", "http_fetch", "carat", "carat-reply"]


class Client(Peer):
    """The handshake's manner."""

    def __init__(self, place, *words, capabilities=None, version="2025-11-25"):
        super().__init__(place, "mcp", *words)
        self.server = self.call("initialize", protocolVersion=version, capabilities=capabilities or {},
                                clientInfo={"name": "test", "version": "1"})
        self.notify("notifications/initialized")

    def tool(self, name, arguments, **more):
        return self.call("tools/call", name=name, arguments=arguments, **more)

    def text(self, name, arguments):
        result = self.tool(name, arguments)
        return result["isError"], result["content"][0]["text"]


def stateless(place, *words):
    return Peer(place, "mcp", *words)


def meta(**capabilities):
    return {VERSION: "2026-07-28", CAPABILITIES: capabilities, "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"}}


def shell(command):
    return f'<|tool_call>call:shell{{command:<|"|>{command}<|"|>}}<tool_call|>'


def case_tools():
    """Through the sandbox, side by side, with their pictures; what is no tool, what does not fit."""
    with Place() as place:
        with Client(place) as client:
            check(client.server["protocolVersion"] == "2025-11-25" and client.server["serverInfo"]["name"] == "carat", client.server)
            tools = client.call("tools/list")["tools"]
            check([tool["name"] for tool in tools] == TOOLS, tools)
            hints = {tool["name"]: tool["annotations"] for tool in tools}
            check(hints["read_file"]["readOnlyHint"] and hints["shell"]["destructiveHint"] and hints["http_fetch"]["openWorldHint"], hints)
            result = client.tool("write_file", {"path": "a.txt", "content": "one\n"})
            check(not result["isError"] and result["structuredContent"]["output"] == result["content"][0]["text"], result)
            result = client.call("tools/call", name="shell", arguments={"command": "echo broken; exit 3"})
            check(result["content"][0]["text"] == "exit code 3\nbroken" and result["structuredContent"] == {"exit_code": 3, "output": "broken"}, result)
            move = "mkdir p q; echo x > p/f; ln p/f q/g && python3 -c \"import os; os.rename('p/f', 'q/f')\" && echo moved"
            result = client.call("tools/call", name="shell", arguments={"command": move})
            check(result["content"][0]["text"] == "moved", result)
            check(place.read("a.txt") == "one\n", "written")
            failed, text = client.text("shell", {"command": "cat a.txt; cat " + place.home + "/config.toml; touch /usr/x; exit 4"})
            check("one" in text and "No such file" in text and not os.path.exists("/usr/x"), text)
            check(client.tool("shell", {"command": "exit 4"})["structuredContent"]["exit_code"] == 4, "the code")
            check(client.text("read_file", {"path": "../home/config.toml"})[0], "above the workspace")
            check(client.text("shell", {"film": 1})[0], "arguments that do not fit")
            numbers = [client.start("tools/call", {"name": "shell", "arguments": {"command": f"sleep 1; echo {i}"}}) for i in range(3)]
            check([client.wait(number)["content"][0]["text"].strip() for number in numbers] == ["0", "1", "2"], "each its own")
            for params, code in (({"name": "film"}, -32602), ({}, -32602), ({"name": "shell", "arguments": []}, -32602),
                                 ({"name": "more_output"}, -32602)):
                try:
                    client.call("tools/call", **params)
                    raise AssertionError(params)
                except Refused as refusal:
                    check(refusal.code == code, (params, refusal))
            try:
                client.call("resources/list")
                raise AssertionError("no such method")
            except Refused as refusal:
                check(refusal.code == -32601, refusal)
            check(client.call("ping") == {}, "ping")
            _, text = client.text("shell", {"command": "seq 100000"})
            check(len(text) < 40000 and "more_output" not in text, "cut by the tool, with nothing promised")
            check(client.end() == 0, "the end")
        with Client(place, "--no-tools", version="2025-03-26") as client:
            check(client.server["protocolVersion"] == "2025-11-25", "its batches are not taken: " + client.server["protocolVersion"])
            client.raw('[{"jsonrpc":"2.0","id":7,"method":"ping"}]')
            refusal = client.until(lambda message: "error" in message)
            check(refusal["id"] is None and "batches" in refusal["error"]["message"], refusal)
        with Client(place, "--no-tools", version="2024-11-05") as client:
            check(client.server["protocolVersion"] == "2024-11-05", client.server)
            check([tool["name"] for tool in client.call("tools/list")["tools"]] == TOOLS[-2:], "carat alone")


def case_stateless():
    """2026-07-28: no handshake; versions and capabilities with each request; an approval in two rounds."""
    with Place() as place:
        with stateless(place, "--mode", "ask") as client:
            found = client.call("server/discover", _meta=meta())
            check("2026-07-28" in found["supportedVersions"] and found["resultType"] == "complete", found)
            listed = client.call("tools/list", _meta=meta())
            check(listed["resultType"] == "complete" and listed["ttlMs"] == 0 and listed["cacheScope"] == "private", listed)
            done = client.call("tools/call", name="list_files", arguments={}, _meta=meta())
            check(done["resultType"] == "complete" and not done["isError"], done)
            touch = {"name": "shell", "arguments": {"command": "touch made"}}
            check("cannot ask" in client.call("tools/call", **touch, _meta=meta())["content"][0]["text"], "no elicitation")
            asks = meta(elicitation={})
            question = client.call("tools/call", **touch, _meta=asks)
            check(question["resultType"] == "input_required" and "touch made" in json.dumps(question["inputRequests"]), question)
            yes = {"approval": {"action": "accept", "content": {"decision": "allow once"}}}
            state = question["requestState"]
            other = {"name": "shell", "arguments": {"command": "touch other"}}
            check(client.call("tools/call", **other, _meta=asks, inputResponses=yes, requestState=state)["resultType"] == "input_required",
                  "an answer is for one call")
            no = {"approval": {"action": "decline"}}
            check(client.call("tools/call", **touch, _meta=asks, inputResponses=no, requestState=state)["isError"], "declined")
            check(os.listdir(place.work) == [], "nothing ran")
            done = client.call("tools/call", **touch, _meta=asks, inputResponses=yes, requestState=state)
            check(not done["isError"] and os.listdir(place.work) == ["made"], done)
            try:
                client.call("tools/list", _meta={VERSION: "1999-01-01"})
                raise AssertionError("an unknown version")
            except Refused as refusal:
                check(refusal.code == -32022 and "2026-07-28" in refusal.data["supported"], refusal.data)


def case_unreadable():
    """What is no readable JSON is refused under the id of its request; the next one is answered."""
    rows = ('{"command":"echo a\\u0000b"}', '{"command":"echo \\ud83d"}', '{"command":"echo 1","command":"echo 2"}',
            '{"command":"echo 1","timeout_s":99999999999999999999}')
    with Place() as place, Client(place) as client:
        for number, arguments in enumerate(rows, 500):
            client.raw('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"shell","arguments":%s}}' % (number, arguments))
            try:
                client.wait(number)
                raise AssertionError(arguments)
            except Refused as refusal:
                check(refusal.code == -32700, refusal)
            check(client.text("shell", {"command": "echo on"})[1].strip() == "on", "it goes on")
    with Place() as place, Client(place, "--mode", "ask", capabilities={"elicitation": {}}) as client:  # nor is an answer a yes
        number = client.start("tools/call", {"name": "shell", "arguments": {"command": "touch made"}})
        asked = client.until(lambda message: message.get("method") == "elicitation/create")
        client.raw('{"jsonrpc":"2.0","id":%d,"result":{"action":"accept","content":{"decision":"allow once","x":"\\ud83d"}}}' % asked["id"])
        check(client.wait(number)["isError"] and not os.path.exists(place.work + "/made"), "no")


def case_approvals():
    """Rules and modes hold here too; who can be asked is asked."""
    with Place() as place:
        with Client(place, "--mode", "read-only") as client:
            check(client.text("shell", {"command": "true"})[0] and not client.text("list_files", {})[0], "read-only")
        with Client(place, "--deny", "shell(rm *)") as client:
            failed, text = client.text("shell", {"command": "rm -r x"})
            check(failed and "denied" in text, text)
        for decision, asked, ran in (({"action": "accept", "content": {"decision": "allow once"}}, 2, 2),
                                     ({"action": "accept", "content": {"decision": "allow for this session"}}, 1, 2),
                                     ({"action": "accept", "content": {"decision": "deny"}}, 2, 0),
                                     ({"action": "cancel"}, 2, 0)):
            with Client(place, "--mode", "ask", capabilities={"elicitation": {}}) as client:
                client.handlers["elicitation/create"] = lambda params: decision
                results = [client.text("shell", {"command": "echo x >> log"})[0] for _ in range(2)]
                check(results == [ran == 0] * 2 and len(client.asked) == asked, (decision, results, client.asked))
                question = client.asked[0]["params"]
                check(question["mode"] == "form" and "echo x >> log" in question["message"], question)
            lines = place.read("log").count("x") if os.path.exists(place.work + "/log") else 0
            check(lines == ran, (decision, lines))
            if lines:
                os.unlink(place.work + "/log")
        model = script(place, shell("touch asked"), "done<turn|>")
        with Client(place, "--mode", "ask", "-m", model, capabilities={"elicitation": {"form": {}}}) as client:
            client.handlers["elicitation/create"] = lambda params: {"action": "accept", "content": {"decision": "allow once"}}
            result = client.tool("carat", {"prompt": "go"})
            check(result["content"][0]["text"] == "done" and os.path.exists(place.work + "/asked") and len(client.asked) == 1, result)
        with Client(place, "--mode", "ask", "-m", script(place, shell("touch never"), "done<turn|>")) as client:
            check(not client.tool("carat", {"prompt": "go"})["isError"] and not os.path.exists(place.work + "/never"), "refused")


class Pages(http.server.ThreadingHTTPServer):
    """Text at every path but "/to?URL", which redirects there; `heard` is what was asked for."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *unused):
            pass

        def do_GET(self):
            self.server.heard.append((self.command, self.path))
            path, _, target = self.path.partition("?")
            self.send_response(307 if path.endswith("/to") else 200)
            self.send_header("Location" if path.endswith("/to") else "X", target)
            charset = path[len("/charset/"):] if path.startswith("/charset/") else None
            self.send_header("Content-Type", "text/plain" + (f"; charset={charset}" if charset else ""))
            self.end_headers()
            self.wfile.write("\u0436 \u65e5".encode(charset, "replace") if charset else b"the page")

        do_POST = do_GET

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.heard = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *unused):
        self.shutdown()
        self.server_close()


def case_redirects():
    """A rule for addresses holds where a redirect leads, too; without one it is followed within tools.hosts."""
    with Place() as place, Pages() as one, Pages() as two:
        hosts = [word for page in (one, two) for name in ("127.0.0.1", "localhost") for word in ("--allow-host", f"{name}:{page.server_port}")]
        with Client(place, *hosts) as client:
            result = client.tool("http_fetch", {"url": f"{one.url}/to?{two.url}/secret"})
            check(not result["isError"] and result["structuredContent"]["url"] == two.url + "/secret", result)
            failed, text = client.text("http_fetch", {"url": f"{one.url}/to?{two.url}/x", "method": "POST", "body": "k=v"})
            check(failed and "another host or port" in text and ("POST", "/x") not in two.heard, text)
            check(not client.text("http_fetch", {"url": f"{one.url}/to?/x", "method": "POST", "body": "k=v"})[0], "the same place")
            check(one.heard[-1] == ("POST", "/x"), one.heard)
            for charset in ("koi8-r", "shift_jis", "gb18030", "utf-16"):  # the C library's tables, from within the sandbox
                failed, text = client.text("http_fetch", {"url": f"{one.url}/charset/{charset}"})
                check("\u0436" in text and ("\u65e5" in text) == (charset != "koi8-r"), (charset, text))
        two.heard.clear()
        for rule in ("localhost", f"http://127.0.0.1:{two.server_port}/secret*", f"http://localhost:{two.server_port}/*"):
            with Client(place, *hosts, "--deny", f"http_fetch({rule})") as client:
                target = f"http://{'localhost' if 'localhost' in rule else '127.0.0.1'}:{two.server_port}/secret"
                check("denied" in client.text("http_fetch", {"url": target})[1], rule)
                failed, text = client.text("http_fetch", {"url": f"{one.url}/to?{target}"})
                check("not followed" in text and target in text and two.heard == [], (rule, text, two.heard))
        with Client(place, *hosts, "--mode", "ask", "--allow", f"http_fetch({one.url}/docs/*)") as client:
            failed, text = client.text("http_fetch", {"url": one.url + "/docs/x"})
            check(not failed and "the page" in text, text)
            failed, text = client.text("http_fetch", {"url": f"{one.url}/docs/to?/logout"})
            check("not followed" in text and ("GET", "/logout") not in one.heard, (text, one.heard))


def case_hooks():
    """The user's hooks stand around a direct call as around the model's."""
    def hook(place, event, command, tool="shell"):
        with open(os.path.join(place.home, "config.toml"), "a") as file:
            file.write(f'[[hooks]]\nevent = "{event}"\ntool = "{tool}"\ncommand = {json.dumps(command)}\n')

    with Place() as place:
        seen = os.path.join(place.home, "seen")
        hook(place, "before_tool", f"cat > {seen}; grep -q forbidden {seen} && echo 'no way' >&2 && exit 2; exit 0")
        hook(place, "after_tool", f"cat > {seen}.after; grep -q broken {seen} && echo 'look again' >&2 && exit 2; exit 0")
        with Client(place) as client:
            check(client.text("shell", {"command": "echo fine"})[1].strip() == "fine", "it ran")
            event, after = (json.load(open(path)) for path in (seen, seen + ".after"))
            check(event["tool"] == "shell" and event["arguments"] == {"command": "echo fine"} and event["event"] == "before_tool" and
                  event["workspace"] == os.path.realpath(place.work), event)
            check(after["event"] == "after_tool" and "fine" in after["result"]["output"] and after["failed"] is False, after)
            failed, text = client.text("shell", {"command": "touch forbidden"})
            check(failed and "denied (hook): no way" in text and not os.path.exists(place.work + "/forbidden"), text)
            result = client.tool("shell", {"command": "echo broken"})
            check(result["isError"] and "broken" in result["content"][0]["text"] and result["content"][1]["text"] == "hook: look again" and
                  result["structuredContent"]["hook"] == "look again", result)
            check(not client.text("write_file", {"path": "forbidden", "content": "x"})[0], "another tool")
    with Place() as place:  # cancelled while the hook looks; a hook that fails is told on standard error
        hook(place, "before_tool", "exec sleep 4321")
        hook(place, "before_tool", "exit 7", tool="list_files")
        with Client(place) as client:
            number = client.start("tools/call", {"name": "shell", "arguments": {"command": "touch made"}})
            client.notify("notifications/cancelled", requestId=number)
            check(not client.text("list_files", {})[0] and client.answers == {}, "the next one")
            client.start("tools/call", {"name": "shell", "arguments": {"command": "touch made"}})
            client.process.send_signal(signal.SIGTERM)
            check(client.process.wait(timeout=PATIENCE) == 143, "it ends")
            check(not os.path.exists(place.work + "/made"), "it did not run")
        client.reading.join(PATIENCE)
        check("ended with 7" in "".join(client.complaints), client.complaints)


def case_turns():
    """carat itself: a task, an answer, more of the same conversation; several wait for each other."""
    with Place() as place:
        model = script(place, shell("echo made > made"), "first answer<turn|>",
                       {"text": "second answer<turn|>", "expect": "first answer<turn|>"}, "third<turn|>", "fourth<turn|>",
                       shell("touch tightened"), "fifth<turn|>", {"text": "", "fail": "it broke"})
        with Client(place, "-m", model) as client:
            result = client.tool("carat", {"prompt": "go"}, _meta={"progressToken": "p"})
            check(result["structuredContent"]["content"] == "first answer" == result["content"][0]["text"], result)
            check(place.read("made") == "made\n", "with its tools")
            news = [note["params"] for note in client.notes if note["method"] == "notifications/progress"]
            check(news and all(one["progressToken"] == "p" for one in news), news)
            check([one["progress"] for one in news] == sorted({one["progress"] for one in news}), "it grows")
            check("echo made" in "".join(one["message"] for one in news) and "first answer" in "".join(one["message"] for one in news), news)
            thread = result["structuredContent"]["threadId"]
            again = client.tool("carat-reply", {"threadId": thread, "prompt": "more"})
            check(again["structuredContent"] == {"threadId": thread, "content": "second answer"}, again)
            numbers = [client.start("tools/call", {"name": "carat", "arguments": {"prompt": "x"}}) for _ in range(2)]
            both = [client.wait(number)["structuredContent"] for number in numbers]
            check([one["content"] for one in both] == ["third", "fourth"] and both[0]["threadId"] != both[1]["threadId"], both)
            client.tool("carat", {"prompt": "go", "mode": "read-only"})
            check(not os.path.exists(place.work + "/tightened"), "the mode is tighter")
            failed = client.tool("carat", {"prompt": "go"})
            check(failed["isError"] and "it broke" in failed["content"][0]["text"], failed)
            for name, arguments, words in (("carat", {}, "prompt"), ("carat", {"prompt": 7}, "prompt"),
                                           ("carat", {"prompt": "x", "mode": "wild"}, "mode"),
                                           ("carat-reply", {"prompt": "x"}, "threadId"),
                                           ("carat-reply", {"prompt": "x", "threadId": thread[:8]}, "no conversation")):
                check(client.text(name, arguments)[0] and words in client.text(name, arguments)[1], (name, arguments))
        check(place.carat("sessions").stdout.count("\n") >= 4, "all of it is kept")
        with Client(place) as client:
            check("391" in client.tool("carat", {"prompt": "what is 17 * 23"})["content"][0]["text"], "with the model itself")


def case_notices():
    """What a project wanted and did not get, and a hook of a turn that fails: told on standard error, in no controls."""
    with Place() as place:
        os.makedirs(os.path.join(place.work, ".carat"))
        place.write(".carat/config.toml", '"a\\u001b[31mb" = 1\n')
        place.write(".mcp.json", '{"mcpServers": {"y": {"command": "true"}}}')
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[[hooks]]\nevent = "before_tool"\ntool = "shell"\ncommand = "printf \'c\\\\033[32md\' >&2; exit 7"\n')
        with Client(place, "-m", script(place, shell("true"), "one<turn|>", "two<turn|>")) as client:
            for answer in ("one", "two"):
                check(client.tool("carat", {"prompt": "go"})["content"][0]["text"] == answer, answer)
            check(client.end() == 0, "the end")
            client.reading.join(PATIENCE)
            said = "".join(client.complaints)
            for words in ("[31mb is left out: there is no such key", ".mcp.json is not trusted", "ended with 7: c"):
                check(said.count(words) == 1, (words, said))
            check("\x1b" not in said, said)


def case_second_try():
    """A first turn that finds no model is not half of the second: servers are given their arguments once."""
    with Place() as place:
        place.write("server.sh", 'echo "$@" > given\n')
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write('[mcp.x]\ncommand = "sh"\nargs = ["server.sh", "-y", "pkg"]\nwritable = true\n')
        model = script(place, "done<turn|>")
        place.write("kept.json", open(model[len("script:"):]).read())
        with open(model[len("script:"):], "w") as file:
            file.write("no script")
        with Client(place, "-m", model) as client:
            check(client.tool("carat", {"prompt": "go"})["isError"], "no model")
            os.replace(place.work + "/kept.json", model[len("script:"):])
            result = client.tool("carat", {"prompt": "go"})
            check(result["content"][0]["text"] == "done" and place.read("given") == "-y pkg\n", (result, place.read("given")))


def case_cancel():
    """No answer to what was cancelled, and the rest goes on; ends and signals."""
    with Place() as place:
        model = script(place, {"text": "slow " * 1000, "delay_ms": 20}, "quick<turn|>")
        with Client(place, "-m", model) as client:
            number = client.start("tools/call", {"name": "shell", "arguments": {"command": "echo begun; sleep 100"}, "_meta": {"progressToken": 1}})
            client.until(lambda message: "begun" in json.dumps(message))
            client.notify("notifications/cancelled", requestId=number)
            number = client.start("tools/call", {"name": "carat", "arguments": {"prompt": "x"}, "_meta": {"progressToken": 2}})
            waiting = client.start("tools/call", {"name": "carat", "arguments": {"prompt": "y"}})
            never = client.start("tools/call", {"name": "carat", "arguments": {"prompt": "z"}})
            client.until(lambda message: "slow" in json.dumps(message))
            client.notify("notifications/cancelled", requestId=never)
            client.notify("notifications/cancelled", requestId=number)
            client.notify("notifications/cancelled", requestId=12345)
            check(client.wait(waiting)["content"][0]["text"] == "quick", "the next one")
            check(client.answers == {}, "nothing else is answered")
            last = client.start("tools/call", {"name": "shell", "arguments": {"command": "sleep 1; echo last"}})
            client.process.stdin.close()
            check(client.wait(last)["content"][0]["text"].strip() == "last", "what was asked for is answered")
            check(client.process.wait(timeout=PATIENCE) == 0, "then it ends")
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            with Client(place) as client:
                client.start("tools/call", {"name": "shell", "arguments": {"command": "echo begun; exec sleep 4321"}, "_meta": {"progressToken": 1}})
                client.until(lambda message: "begun" in json.dumps(message))
                client.process.send_signal(number)
                check(client.process.wait(timeout=PATIENCE) == code, code)
        gone = subprocess.Popen([CARAT, "mcp"], cwd=place.work, env=place.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "shell", "arguments": {"command": "touch here; sleep 1000"}}}
        gone.stdin.write(json.dumps(call) + "\n")
        gone.stdin.flush()
        while not os.path.exists(place.work + "/here"):
            time.sleep(0.05)
        gone.stdin.close()
        gone.stdout.close()
        check(gone.wait(timeout=PATIENCE) == 0, "nobody reads")


def case_called_off():
    """A call that is cancelled before it began leaves nothing behind: what the user makes later is the user's."""
    with Place() as place, Client(place) as client:
        def threads():
            return len(os.listdir(f"/proc/{client.process.pid}/task"))

        def settle():
            client.call("ping")
            end = time.monotonic() + PATIENCE
            while threads() > before:
                check(time.monotonic() < end, "a look that does not end")
                time.sleep(0.01)
        before = threads()
        call = {"jsonrpc": "2.0", "id": 500, "method": "tools/call", "params": {"name": "shell", "arguments": {"command": "touch made"}}}
        off = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 500}}
        client.raw(json.dumps(call) + "\n" + json.dumps(off))
        for _ in range(3):  # the look before the call; what follows from its end; the end of that
            settle()
        place.write(".envrc", "mine\n")
        check(client.end() == 0, "the end")
        check(os.listdir(place.work) == [".envrc"] and client.answers == {}, os.listdir(place.work))


def case_moved_aside():
    """What a call makes that other programs would run: moved aside when it ends, however it ends, and said in its answer."""
    git = "git init -q s; git -C s config core.fsmonitor ./x"
    with Place() as place:
        def there(name):
            return os.path.lexists(os.path.join(place.work, name))
        os.makedirs(os.path.join(place.work, "old"))
        place.write("old/.envrc", "mine\n")
        with Client(place, "-m", script(place, shell("echo x > .gitconfig"), "done<turn|>")) as client:
            result = client.tool("shell", {"command": f"mkdir .vscode; echo x > .envrc; {git}; echo kept > plain; echo said"})
            said = result["content"][1]["text"]
            check(result["structuredContent"] == {"exit_code": 0, "output": "said"} and result["content"][0]["text"].strip() == "said", result)
            for name in (".vscode", ".envrc", "s/.git/config"):
                check(name in said and there(name + ".quarantined") and not there(name), (name, said))
            check(place.read("old/.envrc") == "mine\n" and place.read("plain") == "kept\n", "what was fine was touched")
            for name, arguments in (("shell", {"command": "true"}), ("read_file", {"path": "plain"})):
                check(len(client.tool(name, arguments)["content"]) == 1, "nothing to be said")
            check(".mcp.json" in client.tool("write_file", {"path": ".mcp.json", "content": "{}"})["content"][1]["text"], "a file tool's")
            # Side by side: what the short one makes is gone while the long one runs, which gets its own answer.
            long = client.start("tools/call", {"name": "shell", "arguments": {"command": "until [ -e go ]; do sleep 0.05; done; echo x > .bashrc; echo long"}})
            short = client.tool("shell", {"command": "echo x > .zshrc"})
            check(".zshrc" in short["content"][1]["text"] and there(".zshrc.quarantined"), short)
            check(len(client.tool("shell", {"command": "touch go"})["content"]) == 1, "once is enough")
            result = client.wait(long)
            check(".bashrc" in result["content"][1]["text"] and ".zshrc" not in result["content"][1]["text"] and there(".bashrc.quarantined"), result)
            client.tool("carat", {"prompt": "go"})
            check(there(".gitconfig.quarantined") and not there(".gitconfig"), "a turn's")
            check(client.end() == 0, "the end")
            check(all(name in "".join(client.complaints) for name in (".vscode", ".zshrc", ".gitconfig")), client.complaints)
    command = "echo x > .envrc; touch here; sleep 1000"
    for way in ("signal", "cancel", "nobody reads"):
        with Place() as place, Peer(place, "mcp", read=way != "nobody reads") as client:
            number = client.start("tools/call", {"name": "shell", "arguments": {"command": command}})
            while not os.path.exists(place.work + "/here"):
                time.sleep(0.05)
            if way == "signal":
                client.process.send_signal(signal.SIGTERM)
            elif way == "cancel":
                client.notify("notifications/cancelled", requestId=number)
                check(len(client.call("tools/call", name="shell", arguments={"command": "true"})["content"]) > 0, "it goes on")
            else:
                client.process.stdout.close()
            client.process.stdin.close()
            client.process.wait(timeout=PATIENCE)
            check(os.path.exists(place.work + "/.envrc.quarantined") and not os.path.exists(place.work + "/.envrc"), way)
    with Place() as place:
        place.write("make.sh", "echo x > .envrc; echo x > .mcp.json\n")
        with Client(place, "--mode", "ask", capabilities={"elicitation": {}}) as client:
            client.handlers["elicitation/create"] = lambda params: {"action": "accept", "content": {"decision": "allow once"}}
            said = client.tool("shell", {"command": "sh make.sh # .envrc"})["content"][1]["text"]
            check(".mcp.json" in said and ".envrc" not in said and os.path.exists(place.work + "/.envrc"), said)


main(globals())
