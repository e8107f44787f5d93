#!/usr/bin/env python3
"""Conversations as a whole: listing, searching, forking, putting away, documents, imports, a damaged store."""
import base64
import contextlib
import json
import os
import sqlite3
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def make(place, *prompts):
    """A conversation; its id."""
    model = script(place, *("Words about <b>%s</b>\n## You\n```\nopen" % prompt for prompt in prompts))
    thread = None
    for prompt in prompts:
        words = ["-r", thread] if thread else []
        events = place.events(*words, "-m", model, prompt)
        thread = thread or [event for event in events if event["type"] == "thread.started"][0]["thread_id"]
    return thread


def listed(place, *flags):
    return [json.loads(line) for line in place.carat("sessions", "--json", *flags).stdout.splitlines()]


def case_put_away():
    with Place() as place:
        heron, otter = make(place, "the heron"), make(place, "the otter")
        place.carat("rename", heron, "About", "birds")
        place.carat("tag", heron, "water")
        check([row["id"] for row in listed(place)] == [otter, heron], listed(place))
        check(listed(place)[1]["title"] == "About birds" and listed(place)[1]["tags"] == "water", listed(place))
        place.carat("archive", heron)
        check([row["id"] for row in listed(place)] == [otter], "archived")
        check([row["id"] for row in listed(place, "--archived")] == [heron], "archived")
        place.carat("purge", heron, code=42)
        place.carat("delete", heron)
        check([row["id"] for row in listed(place, "--trash")] == [heron], "trashed")
        run = place.carat("exec", "-r", heron, "-m", script(place, "x"), "more", code=42)
        check("trash" in run.stderr, run.stderr)
        place.carat("restore", heron)
        check([row["id"] for row in listed(place)] == [otter, heron], "restored")
        place.carat("delete", heron)
        place.carat("purge", heron)
        check([row["id"] for row in listed(place, "--all")] == [otter], "purged")
        for words in (["delete"], ["delete", "a", "b"], ["rename", otter], ["store"], ["import"]):
            place.carat(*words, code=2)


def case_search_and_fork():
    with Place() as place:
        heron = make(place, "the heron", "the grey one")
        make(place, "the otter")
        lines = place.carat("search", "heron").stdout.splitlines()
        check(len(lines) == 3 and all(line.startswith(heron) for line in lines), lines)
        check("\u00bbheron\u00ab" in lines[0], lines)
        place.carat("search", "pelican", code=1)
        place.carat("search", "", code=42)
        fork = place.carat("fork", heron).stdout.strip()
        check(len(place.carat("search", "heron").stdout.splitlines()) == 3, "what both share is found once")
        place.carat("exec", "-m", script(place, "a pelican"), "-r", fork, "and now")
        check(place.carat("search", "pelican").stdout.startswith(fork), "the fork's own")
        place.carat("exec", "-m", script(place, "a cormorant"), "-r", heron, "--fork", "and now")
        ids = {row["id"]: row for row in listed(place)}
        check(len(ids) == 4 and ids[heron]["messages"] == 4, ids)
        check(sum(row["parent"] == heron for row in ids.values()) == 2, ids)


def on_a_terminal(place, *words):
    """What a command writes to a terminal that it cannot be asked at."""
    ours, theirs = os.openpty()
    said = b""
    with subprocess.Popen([CARAT, *words], cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs):
        os.close(theirs)
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:
            pass  # nobody has the other end any more
    os.close(ours)
    return said.decode()


def case_printed():
    """A model's words and calls, and names of files, on a terminal: no control but newlines; into a pipe as they are."""
    orders = "\x9b31m"
    with Place() as place:
        call = f'<|tool_call>call:shell{{command:<|"|>true {orders}\u202e<|"|>}}<tool_call|>'
        place.carat("exec", "-m", script(place, call, f"red {orders} words<turn|>"), "go")
        place.write(f"{orders}.jsonl", json.dumps({"type": "session_meta", "payload": {"id": "x"}}) + "\n{")
        os.makedirs(os.path.join(place.home, "data", "models"))
        with open(os.path.join(place.home, "data", "models", "default"), "w") as file:
            file.write(orders)
        for words in (("resume",), ("replay", "last", "--output-format", "text"), ("export",), ("export", "--format", "json"), ("sessions", "--json"),
                      ("search", "--json", "red"), ("import", "."), ("models", "default")):
            said = on_a_terminal(place, *words)
            check(said.strip() and not [c for c in said if c not in "\r\n\t" and (c < " " or "\x7f" <= c <= "\x9f")], (words, said))
            check(words != ("resume",) or "\\u{202E}" in said and "\u202e" not in said, said)
        check(orders in place.carat("resume").stdout and orders in place.carat("export", "--format", "json").stdout, "a pipe gets it whole")


def case_export():
    with Place() as place:
        heron = make(place, "the heron")
        markdown = place.carat("export", heron).stdout
        check("> ## You\n" in markdown and markdown.count("\n## You\n") == 1, markdown)
        page = place.carat("export", heron, "--format", "html").stdout
        check("&lt;b&gt;the heron" in page and "<b>" not in page, page)
        whole = json.loads(place.carat("export", "last", "--format", "json").stdout)
        check([m["role"] for m in whole["messages"]] == ["user", "assistant"], whole)
        for name, words in (("out.md", markdown), ("out.html", page), ("out.json", whole), ("out.txt", markdown)):
            place.carat("export", heron, "-o", os.path.join(place.work, name))
            written = place.read(name)
            check((json.loads(written) if name == "out.json" else written) == words, "a name tells the form: " + name)
        place.carat("export", "00000000", code=42)


CODEX = [
    {"type": "session_meta", "payload": {"id": "abc-1", "cwd": "/srv/project"}},
    {"type": "response_item", "payload": {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "<environment_context>x</environment_context>"}]}},
    {"type": "response_item", "payload": {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "list the files"}]}},
    {"type": "event_msg", "payload": {"type": "token_count"}},
    {"type": "response_item", "payload": {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I look"}]}},
    {"type": "response_item", "payload": {"type": "function_call", "call_id": "k1", "name": "shell",
                                          "arguments": "{\"command\": [\"ls\"]}"}},
    {"type": "response_item", "payload": {"type": "function_call", "call_id": "k2", "name": "shell", "arguments": "ls"}},
    {"type": "response_item", "payload": {"type": "function_call_output", "call_id": "k2", "output": "two"}},
    {"type": "response_item", "payload": {"type": "function_call_output", "call_id": "k1", "output": "one"}},
    {"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": [
        {"type": "output_text", "text": "Two files."}]}},
]
CLAUDE = [
    {"type": "summary", "summary": "Rivers"},
    {"type": "user", "sessionId": "s-9", "cwd": "/srv/other", "message": {"role": "user", "content": "which river"}},
    {"type": "assistant", "sessionId": "s-9", "message": {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "maps"}, {"type": "text", "text": "I read."},
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "a"}}]}},
    {"type": "user", "sessionId": "s-9", "message": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "Donau"}]}]}},
    {"type": "assistant", "sessionId": "s-9", "message": {"role": "assistant", "content": [{"type": "text", "text": "Donau."}]}},
]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def case_export_media():
    """What goes with a message stands in the page itself; what was said beside it stands there once."""
    with Place() as place:
        picture = os.path.join(SOURCE, "tests", "engine", "vision", "data", "picture00.png")
        place.carat("exec", "-i", picture, "is it <red>")
        page = place.carat("export", "last", "--format", "html").stdout
        with open(picture, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        check(page.count('<img alt="a picture" src="data:image/') == 1 and data in page and "img-src data:" in page, page[:2000])
        check(page.count("is it &lt;red&gt;") == 1 and "(a picture)" not in page, page[:2000])
        markdown = place.carat("export", "last").stdout
        check(markdown.count("is it <red>") == 1 and "> (a picture)" in markdown, markdown)


def case_import():
    with Place() as place:
        place.write("rollout.jsonl", lines(CODEX))
        place.write("claude.jsonl", lines(CLAUDE))
        run = place.carat("import", "rollout.jsonl", "claude.jsonl")
        codex, claude = run.stdout.split()
        messages = json.loads(place.carat("export", codex, "--format", "json").stdout)["messages"]
        check([m["role"] for m in messages] == ["user", "assistant", "tool", "tool", "assistant"], messages)
        check(messages[1]["reasoning"] == "I look" and messages[2]["content"] == "one", messages)
        check(messages[1]["tool_calls"][1]["function"]["arguments"] == {"input": "ls"}, messages)
        whole = json.loads(place.carat("export", claude, "--format", "json").stdout)
        check(whole["title"] == "Rivers" and whole["workspace"] == "/srv/other", whole)
        check([m["role"] for m in whole["messages"]] == ["user", "assistant", "tool", "assistant"], whole)
        again = place.carat("import", "rollout.jsonl")
        check("1 were here already" in again.stderr and len(listed(place)) == 2, again.stderr)
        place.carat("exec", "-m", script(place, "Yes."), "-r", codex, "and now")  # it goes on
        for text, words in (("{}\n{\n", "line 2"), ("[]\n", "line 1"), ("{}\n", "nothing in it"),
                            (lines(CODEX[:7] + [CODEX[7], CODEX[7]]), "line 9"), (lines(CODEX[1:6] + [CODEX[5]]), "line 6"),
                            (lines(CODEX + CLAUDE), "line 12"), ("\0\1\2\n", "line 1")):
            place.write("bad.jsonl", text)
            run = place.carat("import", "bad.jsonl", code=42)
            check(words in run.stderr and "bad.jsonl" in run.stderr, (text, run.stderr))
        check(len(listed(place)) == 2, "nothing of a file with a mistake is kept")


def case_import_found():
    """Folders and the places of programs are looked through; times and models are kept; one bad file is not all of them."""
    with Place() as place:
        day = os.path.join(place.home, "codex", "sessions", "2024", "05")
        other = os.path.join(place.home, ".claude", "projects", "-srv-other")
        for folder in (day, other):
            os.makedirs(folder)
        stamped = [dict(row, timestamp=f"2024-05-01T10:00:{number:02}.5Z") for number, row in enumerate(CODEX)]
        stamped.insert(1, {"type": "turn_context", "payload": {"model": "other-1"}})
        with open(os.path.join(day, "rollout.jsonl"), "w") as file:  # its writer was killed
            file.write(lines(stamped) + '{"type": "response_item", "pay')
        with open(os.path.join(day, "bad.jsonl"), "w") as file:
            file.write("{\n{}\n")
        answer = dict(CLAUDE[4], isApiErrorMessage=True, message={"role": "assistant", "content": "API Error: 529"})
        CLAUDE[4]["message"]["model"] = "other-2"
        with open(os.path.join(other, "s-9.jsonl"), "w") as file:
            file.write("\ufeff" + lines(CLAUDE + [answer]).replace("\n", "\r\n"))
        with open(os.path.join(other, "nothing.jsonl"), "w") as file:
            file.write(lines(CLAUDE[:1]))
        mine = make(place, "the heron")
        home = {"CODEX_HOME": os.path.join(place.home, "codex")}
        run = place.carat("import", "codex", "claude", env=home, code=42)
        check("line 12 is cut off" in run.stderr and "bad.jsonl: line 1" in run.stderr and "2 imported" in run.stderr, run.stderr)
        rows = {row["model"]: row for row in listed(place)}
        check(rows["other-1"]["created_ms"] == 1714557600500 and rows["other-1"]["updated_ms"] == 1714557609500, rows)
        check(listed(place)[-1]["model"] == "other-1", "it stands at its own time")
        check("API Error" not in place.carat("export", rows["other-2"]["id"]).stdout, "a failure to be heard is no answer")
        check("2024-05-01" in place.carat("search", "two files").stdout, "the date of a hit")
        check(json.loads(place.carat("export", "last", "--format", "json").stdout)["id"] == mine, "the last is one's own")
        run = place.carat("import", os.path.join(place.home, "codex"), other, code=42)
        check("0 imported, 2 were here" in run.stderr, run.stderr)
        for words, said in ((["llm"], "logs.db"), ([place.work], "no .jsonl file"), (["nowhere"], "nowhere")):
            check(said in place.carat("import", *words, code=42).stderr, words)


def case_import_llm():
    with Place() as place:
        path = os.path.join(place.work, "logs.db")
        with sqlite3.connect(path) as db:
            db.executescript("""create table conversations (id text primary key, name text, model text);
                create table responses (id text primary key, model text, prompt text, system text, response text,
                                        conversation_id text, datetime_utc text);
                insert into conversations values ('c1', 'Rivers', 'm');
                insert into responses values ('1', 'm', 'which', null, 'Donau', 'c1', '2024-01-01'),
                    ('2', 'm', 'and', null, 'Inn', 'c1', '2024-01-02'), ('3', 'm', 'alone', null, 'yes', null, '2024-01-03');""")
            db.executescript("""create table prompt_attachments (a); insert into prompt_attachments values (1), (2);""")
        run = place.carat("import", path)
        check("2 attachments" in run.stderr, run.stderr)
        rows = {row["title"]: row for row in listed(place)}
        check(len(run.stdout.split()) == 2 and rows["Rivers"]["messages"] == 4 and rows[""]["messages"] == 2, rows)
        check("0 imported, 2 were here" in place.carat("import", path).stderr, "once")
        other = os.path.join(place.work, "other.db")
        with sqlite3.connect(other) as db:
            db.executescript("create table a (b); create view responses as select 1;")
        check("no store of llm" in place.carat("import", other, code=42).stderr, "another database")
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 8192)
        check("logs.db" in place.carat("import", path, code=42).stderr, "a damaged one")


def case_damaged_store():
    with Place() as place:
        heron = make(place, "the heron", "the grey one")
        otter = make(place, "the otter")
        place.carat("tag", otter, "fur")
        check("0 problems" in place.carat("store", "check").stdout, "whole")
        with contextlib.closing(place.database()) as db:
            db.execute("update messages set text = 'other' where ordinal = 1 and conversation = "
                       "(select key from conversations where id = ?)", (heron,))
            db.execute("delete from messages where ordinal = 2 and conversation = "
                       "(select key from conversations where id = ?)", (heron,))
            db.commit()
        run = place.carat("store", "check", code=1)
        check(f"{heron}, message 1: damaged" in run.stdout and f"{heron}, message 2: missing" in run.stdout, run.stdout)
        store = os.path.join(place.home, "data", "conversations.db")
        before = open(store, "rb").read()
        run = place.carat("store", "repair")
        check("2 conversations, 4 messages" in run.stdout and "2 problems" in run.stdout, run.stdout)
        check(open(store, "rb").read() == before, "the original is as it was")
        place.carat("store", "repair", code=1)  # the copy is there already
        place.carat("export", heron, code=42)
        os.rename(store + ".repaired", store)
        check("0 problems" in place.carat("store", "check").stdout, "the copy is whole")
        check("could not be read" in place.carat("export", heron).stdout, "what is lost is told")
        check("otter" in place.carat("export", otter).stdout and listed(place, "--all")[0]["tags"] == "fur", "the rest is there")


def case_long():
    """Of a long conversation the end is on the screen; the rest is a command away, and so is a place in it."""
    with Place() as place:
        turns = [{"type": kind, "sessionId": "s-1", "cwd": place.work, "message": {"role": kind, "content": f"{word} {number:04}"}}
                 for number in range(2500) for kind, word in (("user", "heron"), ("assistant", "otter"))]
        place.write("long.jsonl", lines(turns))
        thread = place.carat("import", "long.jsonl").stdout.strip()
        screen = Screen(place, "-m", script(place, "x"), "-r", thread)
        try:
            screen.wait("otter 2499", "Ask something")
            screen.key("C-Home")
            screen.wait("1000 earlier messages are not on the screen: /earlier", "heron 0500", gone=("otter 0499",))
            screen.say("/earlier")
            screen.wait("Earlier is above.", "heron 0500")
            screen.key("C-Home")
            screen.wait("heron 0000", gone=("earlier messages",))
            screen.key("C-End")
            screen.wait("otter 2499")
            screen.say("/search 0042")
            screen.wait("0042«")
            screen.key("Enter")
            screen.wait("Found here", "0042")
        finally:
            screen.close()
        screen = Screen(place, "-m", script(place, "x"))
        try:
            screen.wait("Ask something")
            screen.say("/earlier")
            screen.wait("All of this conversation is on the screen.")
        finally:
            screen.close()


def case_screen():
    with Place() as place:
        screen = Screen(place, "-m", script(place, "About herons.", "About otters.", "About newts."))
        try:
            screen.wait("ask")
            screen.say("tell me of the heron")
            screen.wait("About herons.")
            screen.say("and of the otter")
            screen.wait("About otters.")
            screen.settle()
            screen.say("/title Animals")
            screen.wait("The title is kept.")
            screen.say("/rewind 7")
            screen.wait("goes back N")
            screen.say("/rewind")
            screen.wait("is kept as", "and of the otter", gone=("About otters.",))
            screen.key("C-u")
            screen.say("and of the newt")
            screen.wait("About newts.")
            screen.settle()
            screen.say("/search otters")
            screen.wait("»otters«")
            screen.say("/fork")
            screen.wait("This is a copy")
            screen.say("/sessions")
            screen.wait("Animals")
            screen.say("/export out.html")
            screen.wait("Written to", "out.html")
            check("About newts." in place.read("out.html"), "the document")
            place.write("notes.md", "mine")
            screen.say("/export notes.md")
            screen.wait("notes.md is there already")
            check(place.read("notes.md") == "mine", "no file of the user's is lost")
            screen.say("/export ~/out.md")
            screen.wait("home/out.md")
            check(os.path.exists(os.path.join(place.home, "out.md")), "below the home")
            screen.say("/resume 0000dead")
            screen.wait("there is no conversation")
            screen.say("/quit")
            screen.wait("[exit 0]")
        finally:
            screen.close()
        rows = listed(place)
        check(len(rows) == 3 and all(row["messages"] == 4 and row["title"] == "Animals" for row in rows), rows)


def case_reads():
    """What one conversation read, another did not: a file is changed only where it was read."""
    with Place() as place:
        place.write("kept.txt", "mine\n")
        again = [call("write_file", path="kept.txt", content="lost\n"), "Tried.<turn|>"]
        model = script(place, call("read_file", path="kept.txt"), "Read.<turn|>", *again, *again,
                       call("read_file", path="kept.txt"), call("write_file", path="kept.txt", content="changed\n"), "Changed.<turn|>")
        screen = Screen(place, "--mode", "full", "-m", model, columns=110, rows=50)
        try:
            screen.wait("script")
            screen.say("read it")
            screen.wait("Read.")
            screen.settle()
            first = listed(place)[0]["id"]
            for leave, said in (("/new", "A new conversation"), ("/resume " + first, "Taken up again.")):
                screen.say(leave)
                screen.wait(said)
                screen.say("change it")
                screen.wait("was not read in this", "Tried.")
                check(place.read("kept.txt") == "mine\n", leave)
                screen.settle()
            screen.say("read it and change it")
            screen.wait("Changed.")
            check(place.read("kept.txt") == "changed\n", "after it was read")
        finally:
            screen.close()


main(globals())
