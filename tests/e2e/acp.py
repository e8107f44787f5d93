#!/usr/bin/env python3
"""`carat acp`: what an editor says to it, and whether all that comes back has the protocol's shapes.

SHAPES is the part of the Agent Client Protocol (version 1) that carat sends, as our own check: member -> what it must be;
a '?' at a name's end marks a member that may be missing. What the table does not know is a mistake.
"""
import base64
import json
import os
import struct
import sys
import zlib

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *
from rpc_peer import Peer, Refused

BLOCK = {"type": "text", "text": str}
DIFF = {"type": "diff", "path": str, "oldText": (str, None), "newText": str}
SAID = {"type": "content", "content": BLOCK}
LOCATION = {"path": str, "line?": int}
KIND = {"read", "edit", "delete", "move", "search", "execute", "think", "fetch", "switch_mode", "other"}
CALL = {"toolCallId": str, "title": str, "kind": KIND, "status": {"pending"}, "rawInput": dict, "locations?": [LOCATION],
        "content?": [(DIFF, SAID)]}
MODES = {"currentModeId": str, "availableModes": [{"id": str, "name": str, "description": str}]}
SHAPES = {
    "user_message_chunk": {"content": BLOCK},
    "agent_message_chunk": {"content": BLOCK},
    "agent_thought_chunk": {"content": BLOCK},
    "tool_call": CALL,
    "tool_call_update": {"toolCallId": str, "status": {"in_progress", "completed", "failed"}, "content?": [(DIFF, SAID)],
                         "rawOutput?": dict},
    "available_commands_update": {"availableCommands": [{"name": str, "description": str, "input?": {"hint": str}}]},
    "current_mode_update": {"currentModeId": str},
    "usage_update": {"used": int, "size": int},
}
PERMISSION = {"sessionId": str, "toolCall": {**CALL, "content": [(DIFF, SAID)]},
              "options": [{"optionId": str, "name": str, "kind": {"allow_once", "allow_always", "reject_once", "reject_always"}}]}
AGENT = {"protocolVersion": int, "authMethods": [], "agentInfo": {"name": str, "title": str, "version": str},
         "agentCapabilities": {"loadSession": bool, "promptCapabilities": {"image": bool, "audio": bool, "embeddedContext": bool},
                               "mcpCapabilities": {"http": bool, "sse": bool},
                               "sessionCapabilities": {"list": {}, "resume": {}, "close": {}}}}


def fits(value, shape):
    if isinstance(shape, dict):
        names = {name.rstrip("?") for name in shape}
        return isinstance(value, dict) and set(value) <= names and all(
            fits(value[name.rstrip("?")], inner) if name.rstrip("?") in value else name.endswith("?") for name, inner in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and (all(fits(item, shape[0]) for item in value) if shape else value == [])
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, set):
        return value in shape
    if isinstance(shape, type):
        return type(value) is shape
    return value == shape


class Editor(Peer):
    """Checks the shape of all that carat sends."""

    def __init__(self, place, *words, answer="allow-once", cwd=None):
        super().__init__(place, "acp", *words, cwd=cwd)
        self.permissions = []
        self.answer = answer
        self.handlers["session/request_permission"] = self.permit
        self.agent = self.call("initialize", protocolVersion=1, clientCapabilities={"fs": {}})
        check(fits(self.agent, AGENT), self.agent)

    def permit(self, params):
        check(fits(params, PERMISSION), params)
        self.permissions.append(params)
        if self.answer is None:
            return {"outcome": {"outcome": "cancelled"}}
        return {"outcome": {"outcome": "selected", "optionId": self.answer}}

    def take(self):
        message = super().take()
        if message.get("method") == "session/update":
            update = dict(message["params"]["update"])
            kind = update.pop("sessionUpdate")
            check(kind in SHAPES and fits(update, SHAPES[kind]), message)
        return message

    def session(self, folder=None, servers=()):
        new = self.call("session/new", cwd=folder or self.process_folder(), mcpServers=list(servers))
        check(fits(new, {"sessionId": str, "modes": MODES}), new)
        return new["sessionId"]

    def process_folder(self):
        return os.readlink(f"/proc/{self.process.pid}/cwd")

    def prompt(self, session, *blocks):
        said = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
        answer = self.call("session/prompt", sessionId=session, prompt=said)
        check(fits(answer, {"stopReason": {"end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled"}}), answer)
        return answer["stopReason"]

    def updates(self, kind, session=None):
        return [note["params"]["update"] for note in self.notes if note["params"]["update"]["sessionUpdate"] == kind
                and session in (None, note["params"]["sessionId"])]

    def text(self, kind="agent_message_chunk", session=None):
        return "".join(update["content"]["text"] for update in self.updates(kind, session))

    def refused(self, method, words, **params):
        try:
            self.call(method, **params)
        except Refused as refusal:
            check(words in str(refusal), refusal)
            return refusal.code
        raise AssertionError(f"{method} was not refused")


def write(path, content):
    return f'<|tool_call>call:write_file{{path:<|"|>{path}<|"|>,content:<|"|>{content}<|"|>}}<tool_call|>'


def shell(command):
    return f'<|tool_call>call:shell{{command:<|"|>{command}<|"|>}}<tool_call|>'


def case_turn():
    """A thought, calls that ask, their differences and places, an answer."""
    with Place() as place:
        place.write("old.txt", "one\ntwo\n")
        model = script(place, "<|channel>thought\nFirst a file.<channel|>" + write("new.txt", "hello\n"),
                       '<|tool_call>call:read_file{path:<|"|>old.txt<|"|>,start_line:1}<tool_call|>',
                       '<|tool_call>call:edit_file{path:<|"|>old.txt<|"|>,old_text:<|"|>two<|"|>,new_text:<|"|>2<|"|>}<tool_call|>',
                       shell("echo out; exit 3"), "All done.<turn|>")
        with Editor(place, "-m", model) as editor:
            session = editor.session()
            check(editor.prompt(session, "go") == "end_turn", "the turn ends")
            check(editor.text("agent_thought_chunk") == "First a file." and "All done." in editor.text(), editor.notes)
            calls = editor.updates("tool_call")
            check([call["kind"] for call in calls] == ["edit", "read", "edit", "execute"], calls)
            new, read, edit, run = calls
            folder = os.path.realpath(place.work)
            check(new["content"] == [{"type": "diff", "path": folder + "/new.txt", "oldText": None, "newText": "hello\n"}], new)
            check(read["locations"] == [{"path": folder + "/old.txt", "line": 1}], read)
            check((edit["content"][0]["oldText"], edit["content"][0]["newText"]) == ("one\ntwo\n", "one\n2\n"), edit)
            check(run["title"] == "shell echo out; exit 3" and run["rawInput"] == {"command": "echo out; exit 3"}, run)
            ends = {update["toolCallId"]: update for update in editor.updates("tool_call_update") if update["status"] != "in_progress"}
            check([ends[call["toolCallId"]]["status"] for call in calls] == ["completed"] * 3 + ["failed"], ends)
            check("out" in ends[run["toolCallId"]]["content"][0]["content"]["text"], ends)
            check([call["toolCall"]["title"].split()[0] for call in editor.permissions] == ["write_file", "edit_file", "shell"],
                  "reading does not ask")
            check(place.read("old.txt") == "one\n2\n" and place.read("new.txt") == "hello\n", "done")
            check(editor.end() == 0, "the end of the input is the end")


def case_answers():
    """Each answer to a question; "always" holds in later runs."""
    with Place() as place:
        model = script(place, *([shell("echo ran >> log")] * 2 + ["done<turn|>"]) * 3)
        for answer, asked, ran in (("reject", 2, 0), ("allow-session", 1, 2), ("allow-always", 1, 4)):
            with Editor(place, "-m", model, answer=answer) as editor:
                editor.prompt(editor.session(), "go")
                options = [option["optionId"] for option in editor.permissions[0]["options"]]
                check(options == ["allow-once", "allow-session", "allow-always", "reject"], options)
                check(len(editor.permissions) == asked, (answer, len(editor.permissions)))
                check((place.read("log").count("ran") if ran else os.path.exists(place.work + "/log")) == ran, answer)
        with Editor(place, "-m", model, answer="reject") as editor:
            editor.prompt(editor.session(), "go")
            check(editor.permissions == [] and place.read("log").count("ran") == 6, "the rule is kept")
    with Place() as place:  # one that cannot be kept holds for this call alone
        model = script(place, *[shell("echo ran >> log")] * 2, "done<turn|>")
        with Editor(place, "-m", model, answer="allow-always") as editor:
            session = editor.session()
            os.makedirs(os.path.join(place.home, "config.d", "approvals.toml"))
            editor.prompt(session, "go")
            check(len(editor.permissions) == 2 and editor.text().count("only this once") == 2, editor.text())
            check(place.read("log").count("ran") == 2, "it is a yes all the same")


def case_spelled_out():
    """What an editor could draw as something else is spelled out where it asks; the difference stays what it is."""
    with Place() as place:
        model = script(place, write("plain.txt", "tab\there\n"), write("a\u202etxt.c", "x"), write("b.c", "y\u200b = 1;\n"), "done<turn|>")
        with Editor(place, "-m", model, answer="reject") as editor:
            editor.prompt(editor.session(), "go")
            plain, path, line = [permission["toolCall"] for permission in editor.permissions]
            check([item["type"] for item in plain["content"]] == ["diff"], plain)
            check(path["title"] == "write_file a\\u{202E}txt.c" and "\u202e" in path["content"][0]["path"], path)
            check("\\u{202E}" in path["content"][1]["content"]["text"], path)
            check(line["content"][0]["newText"] == "y\u200b = 1;\n" and "y\\u{200B} = 1;" in line["content"][1]["content"]["text"], line)


def case_cancel():
    """While the model writes, while a tool runs, while a question is open; and the session goes on."""
    with Place() as place:
        model = script(place, {"text": "slow " * 200, "delay_ms": 20}, shell("echo started; sleep 100"), shell("touch never"), "well<turn|>")
        with Editor(place, "-m", model) as editor:
            session = editor.session()

            def stopped_at(moment):
                number = editor.start("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": "go"}]})
                editor.until(moment)
                editor.notify("session/cancel", sessionId=session)
                check(editor.wait(number) == {"stopReason": "cancelled"}, "cancelled")

            stopped_at(lambda message: "slow" in editor.text())
            stopped_at(lambda message: "started" in json.dumps(message) and "in_progress" in json.dumps(message))
            editor.answer = None
            stopped_at(lambda message: message.get("method") == "session/request_permission")
            check(not os.path.exists(place.work + "/never"), "it did not run")
            check(editor.prompt(session, "and now?") == "end_turn" and "well" in editor.text(), "on it goes")


def case_sessions():
    """Several at a time, in several folders; taken up again by another process."""
    with Place() as place:
        other = os.path.join(place.root, "other")
        os.makedirs(os.path.join(other, ".carat"))
        with open(other + "/.carat/config.toml", "w") as file:
            file.write('"a\\u001b[31mb" = 1\n[agent]\nmode = "read-only"\n')
        model = script(place, "answer 0<turn|>", "answer 1<turn|>")  # begins anew with each folder
        with Editor(place, "-m", model) as editor:
            here, there = editor.session(), editor.session(other)
            numbers = [editor.start("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": text}]})
                       for session, text in ((here, "first"), (there, "second"))]
            check([editor.wait(number)["stopReason"] for number in numbers] == ["end_turn"] * 2, "in turns")
            check(editor.text(session=here) == "answer 0", "each to its own")
            check("answer 0" in editor.text(session=there), editor.notes)
            editor.refused("session/set_mode", "none of the modes", sessionId=there, modeId="full")
            listed = editor.call("session/list", cwd=place.work)["sessions"]
            check([one["sessionId"] for one in listed] == [here] and listed[0]["updatedAt"].endswith("Z"), listed)
            check(len(editor.call("session/list")["sessions"]) == 2, "all of them")
            editor.end()
            editor.reading.join(PATIENCE)
            said = "".join(editor.complaints)
            check("[31mb is left out" in said and "\x1b" not in said, said)
        with Editor(place, "-m", script(place, {"text": "and on<turn|>", "expect": "answer 0<turn|>"})) as editor:
            loaded = editor.call("session/load", sessionId=here, cwd=place.work, mcpServers=[])
            check(fits(loaded, {"modes": MODES}), loaded)
            check(editor.text("user_message_chunk") == "first" and editor.text() == "answer 0", editor.notes)
            editor.notes.clear()
            check(editor.prompt(here, "third") == "end_turn" and editor.text() == "and on", "with all that was said before")
            fresh = editor.session()
            check(editor.call("session/resume", sessionId=here, cwd=place.work) == loaded, "without the history")
            check(editor.call("session/close", sessionId=fresh) == {}, "closed")
            editor.refused("session/prompt", "no session", sessionId=fresh, prompt=[])
            editor.refused("session/load", "no conversation", sessionId="nothing", cwd=place.work, mcpServers=[])
            editor.end()
        with place.database() as database:
            database.execute("update messages set text = 'another' where conversation = (select key from conversations where id = ?)", (here,))
        with Editor(place, "-m", model) as editor:
            editor.refused("session/load", "", sessionId=here, cwd=place.work, mcpServers=[])
            editor.refused("session/prompt", "no session", sessionId=here, prompt=[{"type": "text", "text": "x"}])


def case_modes_and_commands():
    with Place() as place:
        model = script(place, shell("touch made"), "done<turn|>", "<|channel>thought\nhm<channel|>yes<turn|>")
        with Editor(place, "-m", model) as editor:
            session = editor.session()
            check(editor.call("session/set_mode", sessionId=session, modeId="full") == {}, "set")
            check(editor.updates("current_mode_update") == [{"sessionUpdate": "current_mode_update", "currentModeId": "full"}], "told")
            editor.prompt(session, "go")
            check(editor.permissions == [] and os.path.exists(place.work + "/made"), "full does not ask")
            names = [command["name"] for command in editor.updates("available_commands_update")[0]["availableCommands"]]
            check(names == ["think", "undo", "expand"], names)
            check(editor.prompt(session, "/undo") == "end_turn" and not os.path.exists(place.work + "/made"), editor.text())
            editor.prompt(session, "/think on")
            check("Thinking is on." in editor.text(), editor.text())
            editor.prompt(session, "/thinker is no command")
            check("yes" in editor.text(), "it went to the model")


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes([200, 30, 30]) * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def case_prompts():
    """Every kind of content block, and those that are wrong."""
    with Place() as place:
        expected = ["/etc/motd", "notes.md:\n```\nremember\n```"]
        model = script(place, *[{"text": "seen<turn|>", "expect": text} for text in expected])
        with Editor(place, "-m", model) as editor:
            session = editor.session()
            editor.prompt(session, "look at", {"type": "resource_link", "name": "motd", "uri": "file:///etc/motd"})
            editor.prompt(session, {"type": "resource", "resource": {"uri": "file://notes.md", "text": "remember"}})
            check(editor.text() == "seenseen", editor.notes)
            for blocks, words in ((None, "array"), ([], "empty"), ([{"type": "text"}], "prompt[0]"), ([{"type": "film"}], "film"),
                                  ([{"type": "image", "data": "?"}], "base64"),
                                  ([{"type": "resource", "resource": {"uri": "x", "blob": "", "mimeType": "font/ttf"}}], "font/ttf"),
                                  ([{"type": "image", "data": base64.b64encode(b"no picture").decode()}], "PNG")):
                editor.refused("session/prompt", words, sessionId=session, prompt=blocks)
        with Editor(place) as editor:  # the small model has eyes
            session = editor.session()
            picture = {"type": "image", "mimeType": "image/png", "data": base64.b64encode(png(64, 64)).decode()}
            check(editor.agent["agentCapabilities"]["promptCapabilities"]["image"], editor.agent)
            check(editor.prompt(session, "what colour is this?", picture) == "end_turn", "a picture")
            parts = place.database().execute("select count(*) from results").fetchone()
            check(parts[0] == 1, "it is kept with the message")


def case_mistakes():
    """What is no JSON-RPC, what is no method, what cannot be done; none of it ends the program."""
    with Place() as place:
        with Peer(place, "acp") as peer:
            for line, code in (("nonsense", -32700), ("[]", -32600), ('{"jsonrpc": "2.0", "id": [], "method": "x"}', -32600),
                               ('{"jsonrpc": "2.0", "id": 7, "method": "x", "params": []}', -32602),
                               ('{"jsonrpc": "2.0", "id": 7, "id": 8, "method": "initialize"}', -32700),
                               ('{"jsonrpc": "2.0", "id": 7, "method": "a/b"}', -32601)):
                peer.raw(line)
                error = peer.take()["error"]
                check(error["code"] == code, (line, error))
            peer.raw("x" * (33 << 20))
            check("longer" in peer.take()["error"]["message"], "a line without measure")
            peer.raw('{"jsonrpc": "2.0", "id": 99, "result": {}}')
            for params, words in (({"cwd": "relative"}, "absolute"), ({"cwd": "/nowhere/at/all"}, "no directory"),
                                  ({"cwd": place.work, "mcpServers": 7}, "array"),
                                  ({"cwd": place.work, "mcpServers": [{"name": "x", "type": "http", "url": "y"}]}, "http")):
                try:
                    peer.call("session/new", **params)
                    raise AssertionError(params)
                except Refused as refusal:
                    check(words in str(refusal), refusal)
            session = peer.call("session/new", cwd=place.work, mcpServers=[])["sessionId"]
            number = peer.start("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": "hello"}]})
            peer.raw("")
            check(peer.wait(number) == {"stopReason": "end_turn"}, "it still works")
            check(peer.end() == 0, "done")
        with Peer(place, "acp", "-m", "/nowhere.gguf") as peer:
            check(peer.call("initialize", protocolVersion=1)["agentCapabilities"]["promptCapabilities"]["image"] is False, "nothing known")
            try:
                peer.call("session/new", cwd=place.work, mcpServers=[])
                raise AssertionError("no model")
            except Refused as refusal:
                check("/nowhere.gguf" in str(refusal), refusal)
        failing = script(place, {"text": "never", "fail": "it broke"}, "well<turn|>")
        with Editor(place, "-m", failing) as editor:
            session = editor.session()
            editor.refused("session/prompt", "it broke", sessionId=session, prompt=[{"type": "text", "text": "a"}])
            check(editor.prompt(session, "b") == "end_turn", "a turn that fails is not the end of the session")


def case_signals():
    """A word from outside in the middle of a turn: what was said is kept."""
    import signal
    with Place() as place:
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with Editor(place, "-m", script(place, {"text": f"number {code} " * 100, "delay_ms": 20})) as editor:
                session = editor.session()
                editor.start("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": "go"}]})
                editor.until(lambda message: f"number {code}" in editor.text())
                editor.process.send_signal(number)
                check(editor.process.wait(timeout=PATIENCE) == code, code)
                place.wait_for_stored(f"number {code}")
        with Editor(place, "-m", script(place, {"text": "long " * 1000, "delay_ms": 20})) as editor:
            session = editor.session()
            editor.start("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": "go"}]})
            editor.until(lambda message: "long" in editor.text())
            check(editor.end() == 0, "the editor is gone")
            place.wait_for_stored("long")


main(globals())
