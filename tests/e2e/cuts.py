#!/usr/bin/env python3
"""A server whose answer is cut at any byte, and forty ways to misbehave: cuts.py CASE BUILD SOURCE.

Whatever comes: the text that arrived is kept, there is one message that says why it ended, nothing runs that was not asked for
whole, and nothing waits longer than the limit for silence. CARAT_CUTS in the environment is the number of cuts in each of the
three answers, spread evenly; 0 is every byte.
"""
import gzip
import os
import re
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import *
from place import *

CUTS = int(os.environ.get("CARAT_CUTS", "40"))
SILENCE = 2  # seconds, remote.idle_s
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
HEAD = PLAIN + b"\r\n"
BEGUN = chunk({"content": "begun"})
END = chunk({}, "stop") + b"data: [DONE]\n\n"


class RawServer:
    """Answers each request by a function of the path's first folder, the body and the connection."""

    def __init__(self, answer):
        self.answer, self.over, self.requests = answer, threading.Event(), []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        with connection:
            try:
                read = b""
                while b"\r\n\r\n" not in read:
                    read += connection.recv(65536)
                head, body = read.split(b"\r\n\r\n", 1)
                length = int(re.search(rb"content-length: *(\d+)", head, re.I).group(1))
                while len(body) < length:
                    body += connection.recv(65536)
                name = head.split(b"/")[1].decode()
                self.requests.append(name)
                self.answer(self, name, json.loads(body), connection)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(5)
                while connection.recv(65536):
                    pass
            except OSError:
                pass  # carat went away first

    def url(self, name):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/{name}/v1"

    def close(self):
        self.over.set()
        self.listener.close()


def stored(place):
    """Of each conversation what was asked, and the text of the last answer."""
    database = place.database()
    try:
        check(database.execute("pragma integrity_check").fetchone() == ("ok",), "the store is damaged")
        rows = database.execute("select conversation, role, text from messages order by conversation, ordinal").fetchall()
        ran = database.execute("select count(*) from calls where state = 3").fetchone()[0]
    finally:
        database.close()
    asked, said = {}, {}
    for conversation, role, text in rows:
        if role == 1:
            asked[conversation] = text
        elif role == 2:
            said[asked[conversation]] = text
        elif role == 3:
            said.pop(asked[conversation], None)  # of the answer to the result
    return said, ran


RECORDED = {"text": (b"".join(text_answer("Words about a river and a lantern, and then some more of them.")), "chat"),
            "call": (b"".join(call_answer()), "chat"), "responses": (b"".join(responses_call()), "responses")}


def whole_text(kind, piece):
    """The text in the events that came whole."""
    text = ""
    for line in piece.replace(b"\r\n", b"\n").split(b"\n")[:-1]:
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            if kind == "responses":
                text += event["delta"] if event["type"] == "response.output_text.delta" else ""
            else:
                text += "".join(choice["delta"].get("content", "") for choice in event["choices"])
    return text


def case_any_byte():
    total, ended = 0, {}
    for kind, (recorded, api) in RECORDED.items():
        places = range(len(recorded)) if CUTS == 0 else sorted({number * len(recorded) // CUTS for number in range(CUTS)})

        def answer(server, name, body, connection):
            messages = body.get("messages") or body["input"]
            words = json.dumps(messages)
            at = int(re.findall(r"cut at (\d+) bytes", words)[-1])
            if messages[-1].get("role") == "tool" or messages[-1].get("type") == "function_call_output":  # this one comes whole
                connection.sendall(HEAD + b"".join(responses_text("done") if api == "responses" else text_answer("done")))
            else:
                connection.sendall(HEAD + recorded[:at])

        server = RawServer(answer)
        with Place() as place:
            place.write("in.jsonl", "".join(json.dumps({"id": at, "prompt": f"cut at {at} bytes"}) + "\n" for at in places))
            run = place.carat("batch", "in.jsonl", "-m", "remote:big", "--remote-url", server.url("cut"), "--set", f"remote.api={api}",
                              "--set", f"remote.idle_s={SILENCE}", code=None)
            answers = {one["id"]: one for one in map(json.loads, run.stdout.splitlines())}
            said, ran = stored(place)
        server.close()
        check(run.returncode in range(102) and len(answers) == len(places), (run.returncode, len(answers), run.stderr[-500:]))
        fine = 0
        for at in places:
            error, kept = answers[at].get("error"), said.get(f"cut at {at} bytes", "")
            total += 1
            if error is None:
                fine += 1
                check(recorded[at:].count(b"data: {") <= 1, f"{kind} cut at {at} counts as whole")
                continue
            wanted = whole_text(kind, recorded[:at])
            check(kept.strip() == wanted.strip(), f"{kind} cut at {at}: {kept!r} is kept, and {wanted!r} came")
            check(error["message"] and "\n" not in error["message"].strip(), f"{kind} cut at {at}: {error}")
            ended[re.sub(r"[\d.:]+", "N", error["message"])] = ended.get(re.sub(r"[\d.:]+", "N", error["message"]), 0) + 1
        check(ran == (0 if kind == "text" else fine), f"{kind}: {ran} commands ran, and {fine} calls came whole")
    print(f"{total} cuts of {len(RECORDED)} answers: the text is kept, and each says why it ended: {ended}")


# --- misbehaviour ---

def plain(*pieces):
    return lambda server, body, connection: connection.sendall(b"".join(pieces))


def slowly(head, pieces, pause):
    def answer(server, body, connection):
        connection.sendall(head)
        for piece in pieces:
            connection.sendall(piece)
            server.over.wait(pause)
    return answer


def reset(server, body, connection):
    connection.sendall(HEAD + BEGUN)
    time.sleep(0.2)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stalls(*pieces):
    def answer(server, body, connection):
        connection.sendall(b"".join(pieces))
        server.over.wait(30)
    return answer


def called(**function):
    return chunk({"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": function}]}) + chunk({}, "tool_calls") + b"data: [DONE]\n\n"


def deep(count):
    return b"data: " + b'{"choices":' * count + b"\n\n"


def delta(value):
    return b'data: {"choices": [{"delta": ' + value + b"}]}\n\n"


# name: what is sent, how it ends, and what is kept. STEPS: the model is told of its mistake, and repeats it.
FINE, WRONG, STEPS = 0, 1, 53
ROWS = {
    "nothing at all": (plain(b""), WRONG, ""),
    "half a status line": (plain(b"HTTP/1.1 2"), WRONG, ""),
    "another protocol": (plain(b"SSH-2.0-OpenSSH_9.2\r\n"), WRONG, ""),
    "no head": (plain(BEGUN + END), WRONG, ""),
    "a head that does not end": (stalls(PLAIN), WRONG, ""),
    "a header of a megabyte": (plain(PLAIN + b"X: " + b"y" * (1 << 20) + b"\r\n\r\n" + BEGUN + END), WRONG, ""),
    "very many headers": (plain(PLAIN + b"X-Y: z\r\n" * 60000 + b"\r\n" + BEGUN + END), WRONG, ""),
    "a length that is too large": (plain(PLAIN + b"Content-Length: 9999\r\n\r\n" + BEGUN), WRONG, "begun"),
    "a length that is too small": (plain(PLAIN + b"Content-Length: 70\r\n\r\n" + BEGUN + END), WRONG, ""),
    "a length that is none": (plain(PLAIN + b"Content-Length: -5\r\n\r\n" + BEGUN + END), WRONG, ""),
    "chunks of no size": (plain(PLAIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BEGUN), WRONG, ""),
    "a chunk that is cut": (plain(PLAIN + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + BEGUN), WRONG, "begun"),
    "an encoding that is not asked for": (plain(PLAIN + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(BEGUN + END)), WRONG, ""),
    "garbage that should be gzip": (plain(PLAIN + b"Content-Encoding: gzip\r\n\r\n" + bytes(range(256)) * 9), WRONG, ""),
    "no content": (plain(b"HTTP/1.1 204 No Content\r\n\r\n"), WRONG, ""),
    "a body of bytes": (plain(HEAD + bytes(range(256)) * 40), WRONG, ""),
    "a strange status": (plain(b"HTTP/1.1 418 I\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00"), WRONG, ""),
    "ten megabytes of error": (plain(b"HTTP/1.1 400 No\r\n\r\n" + b"no " * 3500000), WRONG, ""),
    "an error that paints": (plain(b"HTTP/1.1 400 No\r\n\r\n{\"error\":{\"message\":\"\\u001b[2J\\u202eabc\"}}"), WRONG, ""),
    "an error in the stream": (plain(HEAD + BEGUN + b'data: {"error": {"message": "it burns"}}\n\n'), WRONG, "begun"),
    "null": (plain(HEAD + BEGUN + b"data: null\n\n" + END), WRONG, "begun"),
    "a list": (plain(HEAD + BEGUN + b"data: [1, 2]\n\n" + END), WRONG, "begun"),
    "choices that are none": (plain(HEAD + BEGUN + b'data: {"choices": 7}\n\n' + END), FINE, "begun"),
    "content that is a number": (plain(HEAD + BEGUN + delta(b'{"content": 7}') + END), FINE, "begun"),
    "content without end": (stalls(HEAD + BEGUN + b'data: {"choices": [{"delta": {"content": "' + b"x" * 100000), WRONG, "begun"),
    "very deep JSON": (plain(HEAD + BEGUN + deep(100000) + END), WRONG, "begun"),
    "bytes that are no UTF-8": (plain(HEAD + BEGUN + delta(b'{"content": "\xff\xc3"}') + END), WRONG, "begun"),
    "half of a pair": (plain(HEAD + BEGUN + delta(b'{"content": "\\ud800"}') + END), WRONG, "begun"),
    "a zero in the text": (plain(HEAD + BEGUN + delta(b'{"content": "a\\u0000b"}') + END), FINE, "beguna\ufffdb"),
    "control tokens as text": (plain(HEAD + chunk({"content": "<|tool_call>call:shell{}<tool_call|>"}) + END), FINE, "<|tool_call>call:shell{}<tool_call|>"),
    "a call without a name": (plain(HEAD + BEGUN + called(arguments="{}")), STEPS, "begun"),
    "a call whose arguments are none": (plain(HEAD + BEGUN + called(name="shell", arguments="{oops")), STEPS, "begun"),
    "a call of a number": (plain(HEAD + BEGUN + chunk({"tool_calls": [7]}) + END), STEPS, "begun"),
    "calls at a place that is none": (plain(HEAD + BEGUN + chunk({"tool_calls": [{"index": -1, "function": {"name": "shell", "arguments": "{}"}}]}) + END), WRONG, "begun"),
    "ten thousand calls": (plain(HEAD + BEGUN + b"".join(chunk({"tool_calls": [{"index": number, "function": {"name": "shell", "arguments": "{}"}}]}) for number in range(10000)) + END), WRONG, "begun"),
    "numbers of tokens that are none": (plain(HEAD + BEGUN + chunk(usage={"prompt_tokens": -5, "completion_tokens": 1e300}) + END), FINE, "begun"),
    "an end for no reason": (plain(HEAD + BEGUN + chunk({}, "because") + b"data: [DONE]\n\n"), FINE, "begun"),
    "more after the end": (plain(HEAD + BEGUN + END + chunk({"content": "late"}) + b"\xff" * 5000), FINE, "begun"),
    "one byte at a time": (slowly(HEAD, [bytes([byte]) for byte in BEGUN + END], 0.001), FINE, "begun"),
    "lines that end otherwise": (plain(HEAD + (BEGUN + END).replace(b"\n", b"\r\n")), FINE, "begun"),
    "a connection that is reset": (reset, WRONG, "begun"),
    "a redirect to itself": (plain(b"HTTP/1.1 307 Again\r\nLocation: /redirect/v1\r\nContent-Length: 0\r\n\r\n"), WRONG, ""),
    "no kind of content": (plain(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BEGUN + END), FINE, "begun"),
}


def case_misbehaviour():
    names = {f"row{number}": name for number, name in enumerate(ROWS)}
    server = RawServer(lambda server, name, body, connection: ROWS[names[name]][0](server, body, connection))
    wrong, slowest = [], 0
    for path, name in names.items():
        _, code, text = ROWS[name]
        with Place() as place:
            begin = time.monotonic()
            run = place.carat("exec", "-m", "remote:big", "--remote-url", server.url(path), "--set", f"remote.idle_s={SILENCE}", "say", code=None)
            took = time.monotonic() - begin
            said, _ = stored(place)
            told = [line for line in run.stderr.splitlines() if line.startswith("carat: ")]
            reasons = [line for line in told if "Stopped: the model or the store" not in line]  # the turn's own last line
            kept = text if code == STEPS else said.get("say", "")
            results = place.database().execute("select text from messages where role = 3").fetchall()
        faults = [f"exit {run.returncode}"] if run.returncode != code else []
        faults += [f"{kept[:80]!r} is kept, not {text!r}"] if kept.strip() != text else []
        faults += [f"{text!r} is not printed"] if text not in (run.stdout if code != STEPS else run.stderr) else []
        faults += [f"{len(reasons)} messages"] if len(reasons) != (0 if code == FINE else 1) else []
        faults += ["it paints"] if "\x1b" in run.stderr + run.stdout else []
        faults += ["a command ran"] if any("exit_code" in (row[0] or "") for row in results) else []
        faults += [f"{took:.0f} s"] if took > 60 else []
        wrong += [f"{name}: {', '.join(faults)}: {run.stderr[-300:]!r}"] if faults else []
        slowest = max(slowest, took)
    server.close()
    print(f"{len(ROWS)} misbehaviours, {len(wrong)} of them ended otherwise than they should; the slowest after {slowest:.1f} s, with its attempts")
    check(len(ROWS) >= 40 and not wrong, "\n".join(wrong))


main(globals())
