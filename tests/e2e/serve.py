#!/usr/bin/env python3
"""carat serve, asked over real sockets: serve.py CASE BUILD-FOLDER SOURCE-FOLDER. The embedded model answers at temperature
0, so what one client gets can be compared to the byte with what it gets alone."""
import http.client
import re
import signal
import select
import socket
import threading

from place import *  # noqa: F401,F403

ADD = {"type": "function", "function": {"name": "add", "description": "Adds two numbers.", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer", "enum": [3]}, "b": {"type": "integer", "enum": [4]}},
    "required": ["a", "b"]}}}
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}, "color": {"enum": ["red", "green"]}},
          "required": ["ok", "color"], "additionalProperties": False}


class Server:
    """carat serve on a free port."""

    def __init__(self, place, *words, token=True, model=NANO):
        self.place = place
        self.log = open(os.path.join(place.root, "serve.log"), "w+")
        self.process = subprocess.Popen([CARAT, "serve", "-m", model, "--port", "0", "--arithmetic", "exact", *([] if token else ["--no-token"]), *words],
                                        cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/v1", self.output())):
            check(self.process.poll() is None and time.monotonic() < end, f"carat serve did not start: {self.output()}")
            time.sleep(0.02)
        self.port = int(found.group(1))
        self.token = open(os.path.join(place.home, "state", "serve.token")).read().strip() if token else None

    def output(self):
        return open(self.log.name).read()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=PATIENCE)
        finally:
            self.process.kill()
        check(code == 143, f"carat serve ended with {code}: {self.output()}")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, path, body=None, method=None, headers=None, connection=None):
        """Status, headers, text of the answer."""
        connection = connection or self.connect()
        own = {"Content-Type": "application/json"}
        if self.token:
            own["Authorization"] = "Bearer " + self.token
        text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        connection.request(method or ("GET" if body is None else "POST"), path, text, dict(own, **(headers or {})))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def json(self, path, body=None, code=200, **more):
        status, _, text = self.ask(path, body, **more)
        check(status == code, f"{path} {body}: {status}, not {code}: {text}")
        return json.loads(text)

    def raw(self, data, wait=10.0):
        """Everything that comes back for some bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as client:
            client.sendall(data)
            got = b""
            while (piece := client.recv(65536)):
                got += piece
            return got


def chat(text, **more):
    return dict({"model": "nano", "temperature": 0, "max_tokens": 24, "messages": [{"role": "user", "content": text}]}, **more)


def ramble(**more):
    """Words without end: nearly every token is as likely as any other."""
    return dict(chat("tell me everything", max_tokens=6000, temperature=10, top_k=0, top_p=1, seed=1), **more)


def recite(text="tell me everything"):
    """An answer of thousands of tokens that cannot end before."""
    return chat(text, max_tokens=6000, stream=True, response_format={
        "type": "json_schema", "json_schema": {"name": "long", "schema": {"enum": ["".join(str(i * i % 997) for i in range(1300))]}}})


def chunks(text):
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    check(lines[-1] == "[DONE]", f"the stream does not end with [DONE]: {lines[-3:]}")
    return [json.loads(line) for line in lines[:-1]]


def text_of(answer):
    return answer["choices"][0]["message"]["content"]


def case_chat():
    with Place() as place, Server(place) as server:
        whole = server.json("/v1/chat/completions", chat("hello"))
        check(whole["object"] == "chat.completion" and whole["choices"][0]["finish_reason"] == "stop", whole)
        check(text_of(whole).startswith("Hello!") and whole["model"] == "nano", whole)
        usage = whole["usage"]
        check(usage["prompt_tokens"] > 5 and usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], usage)
        status, headers, text = server.ask("/v1/chat/completions", chat("hello", stream=True, stream_options={"include_usage": True}))
        parts = chunks(text)
        check(status == 200 and headers["Content-Type"] == "text/event-stream", headers)
        joined = "".join(part["choices"][0]["delta"].get("content") or "" for part in parts if part["choices"])
        check(joined == text_of(whole), f"streamed {joined!r}, whole {text_of(whole)!r}")
        check(parts[0]["choices"][0]["delta"]["role"] == "assistant", parts[0])
        check(parts[-2]["choices"][0]["finish_reason"] == "stop" and parts[-1]["choices"] == [], parts[-2:])
        check(parts[-1]["usage"]["completion_tokens"] == usage["completion_tokens"], parts[-1])
        check(parts[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] > 0, "the prefix was computed again")
        check(len({part["id"] for part in parts}) == 1, "ids differ in one stream")
        cut = server.json("/v1/chat/completions", chat("hello", max_tokens=2))
        check(cut["choices"][0]["finish_reason"] == "length" and cut["usage"]["completion_tokens"] == 2, cut)
        cut = server.json("/v1/chat/completions", chat("hello", max_tokens=None, max_completion_tokens=3))
        check(cut["usage"]["completion_tokens"] == 3, cut)
        connection = server.connect()  # several requests on one connection
        for _ in range(3):
            check(text_of(server.json("/v1/chat/completions", chat("hello"), connection=connection)) == text_of(whole), "another answer")


def case_stop_and_seed():
    with Place() as place, Server(place) as server:
        whole = text_of(server.json("/v1/chat/completions", chat("hello")))
        word = whole[3:9]
        for stop in (word, ["never there", word]):
            answer = server.json("/v1/chat/completions", chat("hello", stop=stop))
            check(text_of(answer) == whole[:3], answer)
            check(answer["choices"][0]["finish_reason"] == "stop", answer)
        _, _, text = server.ask("/v1/chat/completions", chat("hello", stop=word, stream=True))
        check("".join(part["choices"][0]["delta"].get("content") or "" for part in chunks(text)) == whole[:3], text)
        drawn = [text_of(server.json("/v1/chat/completions", ramble(max_tokens=12, seed=seed))) for seed in (1, 1, 2)]
        check(drawn[0] == drawn[1] and drawn[0] != drawn[2], f"seeds: {drawn}")
        content = server.json("/v1/chat/completions", chat("hello", logprobs=True, top_logprobs=2))["choices"][0]["logprobs"]["content"]
        check(b"".join(bytes(entry["bytes"]) for entry in content).decode() == whole, content)
        check(all(entry["logprob"] <= 0 and len(entry["top_logprobs"]) == 2 for entry in content), content)
        check(content[0]["top_logprobs"][0]["token"] == content[0]["token"], "at temperature 0 the best one is taken")


def case_tools():
    with Place() as place, Server(place) as server:
        ask = chat("add 3 and 4", tools=[ADD], tool_choice="required", parallel_tool_calls=False, max_tokens=60)
        choice = server.json("/v1/chat/completions", ask)["choices"][0]
        check(choice["finish_reason"] == "tool_calls" and len(choice["message"]["tool_calls"]) == 1, choice)
        call = choice["message"]["tool_calls"][0]
        check(call["function"]["name"] == "add" and json.loads(call["function"]["arguments"]) == {"a": 3, "b": 4}, call)
        _, _, text = server.ask("/v1/chat/completions", dict(ask, stream=True, tool_choice={"type": "function", "function": {"name": "add"}}))
        deltas = [part["choices"][0]["delta"]["tool_calls"][0] for part in chunks(text) if "tool_calls" in part["choices"][0]["delta"]]
        check(json.loads("".join(delta["function"]["arguments"] for delta in deltas)) == {"a": 3, "b": 4}, deltas)
        ask["messages"] += [choice["message"], {"role": "tool", "tool_call_id": call["id"], "content": "7"}]
        after = server.json("/v1/chat/completions", dict(ask, tool_choice="auto"))
        check(after["usage"]["prompt_tokens"] > 60, after)
        none = server.json("/v1/chat/completions", dict(chat("add 3 and 4"), tools=[ADD], tool_choice="none"))
        check("tool_calls" not in none["choices"][0]["message"], none)
        response = server.json("/v1/responses", {"input": "add 3 and 4", "temperature": 0, "max_output_tokens": 60, "tool_choice": "required",
                                                 "parallel_tool_calls": False, "tools": [dict(ADD["function"], type="function")]})
        item = response["output"][0]
        check(item["type"] == "function_call" and json.loads(item["arguments"]) == {"a": 3, "b": 4}, response)
        again = server.json("/v1/responses", {"temperature": 0, "max_output_tokens": 8, "tools": [dict(ADD["function"], type="function")],
                                              "input": [{"role": "user", "content": "add 3 and 4"}, item, {
                                                  "type": "function_call_output", "call_id": item["call_id"], "output": "7"}]})
        check(again["object"] == "response", again)


def case_schema():
    with Place() as place, Server(place) as server:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
        for path, body, read in (
                ("/v1/chat/completions", chat("hello", response_format=form, max_tokens=60), text_of),
                ("/v1/responses", {"input": "hello", "temperature": 0, "text": {"format": dict(form["json_schema"], type="json_schema")}},
                 lambda answer: answer["output"][0]["content"][0]["text"]),
                ("/api/chat", {"messages": [{"role": "user", "content": "hello"}], "format": SCHEMA, "stream": False},
                 lambda answer: answer["message"]["content"])):
            value = json.loads(read(server.json(path, body)))
            check(set(value) == {"ok", "color"} and value["color"] in ("red", "green") and isinstance(value["ok"], bool), value)
        text = text_of(server.json("/v1/chat/completions", chat("hello", response_format={"type": "json_object"}, max_tokens=200)))
        check(text.startswith("{"), text)
        # Bounds are looked at when the answer is there: a number is at least as it is, or the schema's bound is told.
        for bound, code in ((0, 200), (99, 422)):
            ask = chat("hello", max_tokens=60, response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {
                "type": "object", "properties": {"n": {"enum": [7], "minimum": bound}}, "required": ["n"]}}})
            answer = server.json("/v1/chat/completions", ask, code=code)
            check(json.loads(text_of(answer)) == {"n": 7} if code == 200 else "bound" in answer["error"]["message"], answer)
            _, _, text = server.ask("/v1/chat/completions", dict(ask, stream=True))
            check(("schema_bounds" in text) == (code == 422) and ("[DONE]" in text) == (code == 200), text)
        bad = server.json("/v1/chat/completions", chat("hello", response_format={"type": "json_schema", "json_schema": {
            "name": "a", "schema": {"type": "nothing"}}}), code=400)
        check(bad["error"]["param"] == "response_format", bad)


def case_responses():
    with Place() as place, Server(place) as server:
        flat = dict(ADD["function"], type="function")  # beside tools that nobody here runs
        answer = server.json("/v1/responses", {"input": "add 3 and 4", "temperature": 0, "tool_choice": "required", "tools": [
            {"type": "web_search"}, flat, {"type": "namespace", "name": "more", "tools": [flat]}]})
        check(answer["output"][-1]["name"] == "add", answer)
        whole = server.json("/v1/responses", {"model": "nano", "instructions": "Be kind.", "input": "hello", "temperature": 0,
                                              "max_output_tokens": 6})
        check(whole["status"] == "incomplete" and whole["incomplete_details"] == {"reason": "max_output_tokens"}, whole)
        _, _, text = server.ask("/v1/responses", {"model": "nano", "instructions": "Be kind.", "temperature": 0, "max_output_tokens": 6,
                                                  "stream": True, "input": [{"type": "message", "role": "user", "content": [
                                                      {"type": "input_text", "text": "hello"}]}]})
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
        check(names == [event["type"] for event in events], "names and types differ")
        check([event["sequence_number"] for event in events] == list(range(len(events))), "numbers have gaps")
        check(names[0] == "response.created" and names[-1] == "response.incomplete", names)
        deltas = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
        check(deltas == whole["output"][0]["content"][0]["text"], f"{deltas!r}")
        check(events[-1]["response"]["usage"]["output_tokens"] == 6, events[-1])
        refused = server.json("/v1/responses", {"input": "x", "previous_response_id": "resp_1"}, code=400)
        check(refused["error"]["param"] == "previous_response_id", refused)


def case_ollama():
    with Place() as place, Server(place) as server:
        body = {"model": "nano:latest", "messages": [{"role": "user", "content": "hello"}], "options": {"temperature": 0, "num_predict": 6}}
        _, headers, text = server.ask("/api/chat", body)
        lines = [json.loads(line) for line in text.splitlines()]
        check(headers["Content-Type"] == "application/x-ndjson" and lines[-1]["done"] and lines[-1]["done_reason"] == "length", lines[-1])
        whole = server.json("/api/chat", dict(body, stream=False))
        check("".join(line["message"]["content"] for line in lines) == whole["message"]["content"], lines)
        generated = server.json("/api/generate", {"model": "nano", "prompt": "hello", "stream": False, "options": body["options"]})
        check(generated["response"] == whole["message"]["content"] and generated["eval_count"] == 6, generated)
        check(server.json("/api/tags")["models"][0]["name"] == "nano" and "version" in server.json("/api/version"), "tags, version")
        called = server.json("/api/chat", dict(body, stream=False, tools=[ADD]))
        check("message" in called, called)
        missing = server.json("/api/chat", dict(body, model="llama9"), code=404)
        check(isinstance(missing["error"], str), missing)


def case_errors():
    with Place() as place, Server(place, "--context", "512") as server:
        ask = chat("hello")
        for body, status, param in (
                ("{", 400, None), ("[]", 400, None), ({}, 400, "messages"), (dict(ask, temperature="hot"), 400, "temperature"),
                (dict(ask, messages=[{"role": "king", "content": "x"}]), 400, "messages"), (dict(ask, n=2), 400, "n"),
                (dict(ask, model="gpt"), 404, "model"), (dict(ask, max_tokens=0), 400, "max_tokens"), (dict(ask, stop=5), 400, "stop"),
                (dict(ask, tool_choice="required"), 400, "tool_choice"), (dict(ask, tools=[{"type": "magic"}]), 400, "tools"),
                (dict(ask, logit_bias={"5": 1}), 400, "logit_bias"), (chat("word " * 2000), 400, "messages"),
                (dict(ask, messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}]),
                 400, "messages")):
            for stream in (False, True):
                sent = dict(body, stream=stream) if isinstance(body, dict) else body
                answer = server.json("/v1/chat/completions", sent, code=status)
                check(set(answer) == {"error"} and set(answer["error"]) == {"message", "type", "param", "code"}, answer)
                check(answer["error"]["type"] == "invalid_request_error" and answer["error"]["param"] == param, (sent, answer))
        server.json("/v1/nothing", ask, code=404)
        status, headers, _ = server.ask("/v1/chat/completions", method="GET")
        check(status == 405 and headers["Allow"] == "POST", status)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n".encode()
        for data, status in ((head + b"Content-Length: 17000000\r\n\r\n", 413), (head + b"Transfer-Encoding: chunked\r\n\r\n", 411),
                             (head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00", 400),
                             (head + b"X: " + b"y" * 40000, 431), (b"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", 400),
                             (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505), (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400)):
            got = server.raw(data)
            check(got.startswith(f"HTTP/1.1 {status} ".encode()), f"{data[:60]} gave {got[:80]}, not {status}")
        check(text_of(server.json("/v1/chat/completions", ask)).startswith("Hello"), "it does not answer any more")


def case_access():
    with Place() as place, Server(place) as server:
        mode = os.stat(os.path.join(place.home, "state", "serve.token")).st_mode & 0o777
        check(mode == 0o600 and len(server.token) == 64, f"token: mode {mode:o}")
        check(server.output().count(server.token) == 1, "the token is shown once")
        for token in ("", "Bearer", "Bearer x", "Bearer " + server.token[:-1], "Basic " + server.token, "Bearer " + server.token + "0"):
            status, headers, text = server.ask("/v1/models", headers={"Authorization": token})
            check(status == 401 and json.loads(text)["error"]["code"] == "invalid_api_key", f"{token!r}: {status}")
        check(server.ask("/health", headers={"Authorization": ""})[0] == 200, "health needs no token")
        for host, status in (("localhost", 200), ("LOCALHOST:99", 200), ("127.0.0.1", 200), ("[::1]:5", 200), ("evil.example", 421),
                             ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("[::1", 421)):
            check(server.ask("/v1/models", headers={"Host": host})[0] == status, f"host {host}")
        status, headers, _ = server.ask("/v1/models", headers={"Origin": "https://evil.example"})
        check(status == 403 and "Access-Control-Allow-Origin" not in headers, status)
        check(server.ask("/v1/models", method="OPTIONS", headers={"Origin": "https://evil.example"})[0] == 403, "preflight")
    with Place() as place:
        with Server(place, "--set", "serve.origins=https://good.example", token=False) as server:
            status, headers, _ = server.ask("/v1/models", headers={"Origin": "https://good.example"})
            check(status == 200 and headers["Access-Control-Allow-Origin"] == "https://good.example", status)
            check(server.ask("/v1/chat/completions", method="OPTIONS", headers={"Origin": "https://good.example"})[0] == 204, "preflight")
        refused = place.carat("serve", "-m", NANO, "--no-token", "--host", "0.0.0.0", "--port", "0", code=2)
        check("loopback" in refused.stderr, refused.stderr)
        path = os.path.join(place.root, "token")
        with open(path, "w") as file:
            file.write("0123456789abcdef0123\n")
        os.chmod(path, 0o644)
        refused = place.carat("serve", "-m", NANO, "--token-file", path, "--port", "0", code=1)
        check("chmod 600" in refused.stderr, refused.stderr)


def case_slow_clients():
    with Place() as place, Server(place, "--set", "serve.patience_s=1") as server:
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
            try:
                for _ in range(40):  # a drop now and then does not keep it open
                    time.sleep(0.1)
                    client.sendall(b"X")
            except OSError:
                pass
            try:
                got = client.recv(4096) if time.monotonic() - start < 10 else b""
            except OSError:
                got = b""
        check(time.monotonic() - start < 8 and (got == b"" or got.startswith(b"HTTP/1.1 408 ")), got)
        idle = server.raw(b"", wait=10)
        check(idle == b"", "a silent connection is closed")
        check(server.ask("/health")[0] == 200, "it does not answer any more")


def case_disconnect():
    """A client that goes away frees the engine at once, in the middle of a prompt or of an answer."""
    with Place() as place, Server(place, "--sessions", "1") as server:
        for asked, wait in ((recite("word " * 3000), 0.0), (recite(), 0.1)):
            connection = server.connect()
            connection.request("POST", "/v1/chat/completions", json.dumps(asked), {"Authorization": "Bearer " + server.token})
            end = time.monotonic() + PATIENCE
            # At work, or already done with a short answer.
            while server.json("/health")["busy"] == 0 and not select.select([connection.sock], [], [], 0)[0]:
                check(time.monotonic() < end, "the request never ran")
            time.sleep(wait)
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            start = time.monotonic()
            while server.json("/health")["busy"] != 0:
                check(time.monotonic() - start < 5, "it still runs after the client has gone")
            check(text_of(server.json("/v1/chat/completions", chat("hello"))).startswith("Hello"), "the next one is answered")


def case_many_clients():
    """Conversations at once, more than there are sessions: each gets what it gets alone."""
    with Place() as place, Server(place, "--sessions", "3") as server:
        talks = [chat(text, max_tokens=40) for text in ("hello", "list the files", "what is 17 * 23", "read notes.txt", "tell me a story",
                                                        "word " * 700, "who are you", "create a file")]
        talks[4] = ramble(max_tokens=60)
        alone = [text_of(server.json("/v1/chat/completions", talk)) for talk in talks]
        wrong = []

        def client(number):
            for turn in range(4):
                at = (number + turn * 3) % len(talks)
                if (number + turn) % 2:
                    got = text_of(server.json("/v1/chat/completions", talks[at]))
                else:
                    _, _, text = server.ask("/v1/chat/completions", dict(talks[at], stream=True))
                    got = "".join(part["choices"][0]["delta"].get("content") or "" for part in chunks(text))
                if got != alone[at]:
                    wrong.append((at, alone[at], got))

        threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        check(not any(thread.is_alive() for thread in threads), "a client still waits")
        check(not wrong, f"{len(wrong)} answers differ from those alone: {wrong[:2]}")


def case_full_queue():
    with Place() as place, Server(place, "--sessions", "1", "--set", "serve.queue=1") as server:
        long = recite()
        open_ones = []
        for count in (1, 2):
            connection = server.connect()
            connection.request("POST", "/v1/chat/completions", json.dumps(long), {"Authorization": "Bearer " + server.token})
            open_ones.append(connection)
        end = time.monotonic() + PATIENCE
        while server.json("/health")["busy"] < 2:
            check(time.monotonic() < end, "two requests were sent and are not there")
        status, headers, text = server.ask("/v1/chat/completions", chat("hello"))
        check(status == 429 and json.loads(text)["error"]["type"] == "rate_limit_error" and headers["Retry-After"] == "1", text)
        for connection in open_ones:
            connection.sock.shutdown(socket.SHUT_RDWR)


def case_short_beside_long():
    """A short answer does not wait for a long one."""
    with Place() as place, Server(place, "--sessions", "2") as server:
        connection = server.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(recite()), {"Authorization": "Bearer " + server.token})
        connection.getresponse()
        answer = server.json("/v1/chat/completions", chat("hello", max_tokens=3))
        check(answer["usage"]["completion_tokens"] == 3, answer)
        check(server.json("/health")["busy"] == 1, "the long one had ended before the short one")
        connection.sock.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(globals())
