"""A small OpenAI-compatible server for the tests: on 127.0.0.1, at a port of its own, until the test closes it.

The first folder of the path says how it behaves: http://127.0.0.1:PORT/FAULT/v1. Without a fault it asks for one shell
command and then says what came back. Every request is kept in `requests` as (path, headers, body).
"""
import http.server
import json
import threading

from model_host import wrapped

PATIENCE = 30  # seconds that a stalled answer waits for the test to be over


def chunk(delta=None, finish=None, **more):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'choices': choices, **more})}\n\n".encode()


def call_answer():
    """A thought, some text and one call whose arguments come in pieces."""
    arguments = json.dumps({"command": "echo $((17 * 23)); echo '<|tool_call>'"})
    function = {"name": "shell", "arguments": arguments[:9]}
    yield b": a comment\r\n"
    yield chunk({"role": "assistant", "content": "", "reasoning_content": "It is "})
    yield chunk({"reasoning_content": "a sum."})
    yield chunk({"content": "I compute <|turn>"})
    yield chunk({"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": function}]})
    yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments[9:]}}]})
    yield chunk({}, "tool_calls")
    yield chunk(usage={"prompt_tokens": 90, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 40}})
    yield b"data: [DONE]\n\n"


def text_answer(text):
    for word in text.split(" "):
        yield chunk({"content": word + " "})
    yield chunk({}, "stop")
    yield chunk(usage={"prompt_tokens": 120, "completion_tokens": 5})
    yield b"data: [DONE]\n\n"


def event(kind, **more):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def responses_call():
    """A thought, some text and one call, as OpenAI's responses stream them."""
    arguments = json.dumps({"command": "echo $((17 * 23)); echo '<|tool_call>'"})
    item = {"type": "function_call", "id": "fc_1", "call_id": "x", "name": "shell"}
    yield event("response.created", response={"id": "r", "error": None})
    yield event("response.reasoning_summary_text.delta", output_index=0, delta="It is a sum.")
    yield event("response.output_item.added", output_index=1, item={"type": "message"})
    yield event("response.output_text.delta", output_index=1, delta="I compute <|turn>")
    yield event("response.output_item.added", output_index=2, item=dict(item, arguments=""))
    yield event("response.function_call_arguments.delta", output_index=2, delta=arguments[:9])
    yield event("response.function_call_arguments.delta", output_index=2, delta=arguments[9:])
    yield event("response.function_call_arguments.done", output_index=2, arguments=arguments)
    yield event("response.output_item.done", output_index=2, item=dict(item, arguments=arguments))
    yield event("response.completed", response={"usage": {"input_tokens": 90, "output_tokens": 12,
                                                          "input_tokens_details": {"cached_tokens": 40}}})


def responses_text(text):
    for word in text.split(" "):
        yield event("response.output_text.delta", output_index=0, delta=word + " ")
    yield event("response.completed", response={"usage": {"input_tokens": 120, "output_tokens": 5}})


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def head(self, status, kind="text/event-stream", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def refuse(self, status, words, **headers):
        self.head(status, "application/json", **headers)
        self.wfile.write(json.dumps({"error": {"message": words}}).encode())

    def answer(self, body):
        self.head(200)
        if self.path.endswith("/responses"):
            last = body["input"][-1]
            result = last["type"] == "function_call_output"
            for part in responses_text("It says " + last["output"]) if result else responses_call():
                self.wfile.write(part)
            return
        last = body["messages"][-1]
        for part in call_answer() if last["role"] != "tool" else text_answer("It says " + last["content"]):
            self.wfile.write(part)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.path.split("/")[1]
        self.server.requests.append((self.path, self.headers, body))
        count = sum(path == self.path for path, _, _ in self.server.requests)
        try:
            getattr(self, "fault_" + fault, lambda *unused: self.answer(body))(body, count)
        except (BrokenPipeError, ConnectionResetError):
            pass

    # --- faults ---

    def fault_busy(self, body, count):
        self.refuse(429, "slow down", Retry_After="1") if count == 1 else self.answer(body)

    def fault_broken(self, body, count):
        self.refuse(500, "no idea")

    def fault_denied(self, body, count):
        self.refuse(401, "bad key " + self.headers["Authorization"])

    def fault_stall(self, body, count):
        self.head(200)
        self.wfile.write(chunk({"content": "begun"}))
        self.wfile.flush()
        self.server.over.wait(PATIENCE)

    def fault_silent(self, body, count):
        self.server.over.wait(PATIENCE)

    def fault_cut(self, body, count):
        self.head(200)
        self.wfile.write(chunk({"content": "begun"}) + chunk({"content": "lost"})[:20])

    def fault_wrong(self, body, count):
        self.head(200)
        self.wfile.write(b"data: {\"choices\": [}\n\n")

    def fault_page(self, body, count):
        self.head(200, "text/html")
        self.wfile.write(b"<html>log in first</html>\n")

    def fault_endless(self, body, count):
        self.head(200)
        self.wfile.write(b"data: ")
        for _ in range(64):
            self.wfile.write(b"x" * 65536)

    def fault_chatty(self, body, count):
        self.head(200)
        for number in range(100000):
            self.wfile.write(chunk({"content": f"{number} "}))

    def fault_tags(self, body, count):
        self.head(200)
        for piece in ("<th", "ink>so", " be it</", "think", ">\nText with <think>"):
            self.wfile.write(chunk({"content": piece}))
        self.wfile.write(chunk({}, "stop") + b"data: [DONE]\n\n")

    def fault_thinking(self, body, count):
        self.head(200)
        self.wfile.write(chunk({"thinking": "so be it"}) + chunk({"content": "Text"}, "stop") + b"data: [DONE]\n\n")

    def fault_half(self, body, count):
        """The last line of the answer never gets its end."""
        self.head(200)
        self.wfile.write(chunk({"content": "begun"}) + chunk({}, "stop").rstrip())

    def fault_late(self, body, count):
        self.refuse(503, "come tomorrow", Retry_After="86400")

    def fault_failed(self, body, count):
        self.head(200)
        self.wfile.write(event("response.failed", response={"error": {"message": "no more tokens"}}))

    def fault_whole(self, body, count):
        """A call that is told only when it is whole, and then the words."""
        self.head(200)
        item = {"type": "function_call", "call_id": "x", "name": "list_files", "arguments": "{}"}
        if body["input"][-1]["type"] == "function_call_output":
            parts = list(responses_text("done"))
        else:
            parts = [event("response.output_item.done", output_index=70, item=item), event("response.completed", response={})]
        self.wfile.write(b"".join(parts))

    def fault_incomplete(self, body, count):
        self.head(200)
        self.wfile.write(event("response.output_text.delta", delta="begun") +
                         event("response.incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}}))

    def fault_slow(self, body, count):
        """Says the prompt after a while; counts how many wait at once."""
        with self.server.lock:
            self.server.now += 1
            self.server.peak = max(self.server.peak, self.server.now)
        self.server.over.wait(0.4)
        with self.server.lock:
            self.server.now -= 1
        words = body["messages"][-1]["content"]
        if "refuse" in words:
            self.refuse(400, "not that")
            return
        self.head(200)
        for part in text_answer("heard " + words):
            self.wfile.write(part)

    def fault_filtered(self, body, count):
        self.head(200)
        self.wfile.write(chunk({}, "content_filter") + b"data: [DONE]\n\n")

    def fault_moved(self, body, count):
        self.head(302, Location=f"http://127.0.0.1:{self.server.server_port}/fine/v1/chat/completions")


class ModelServer:
    def __init__(self, certificate=None):
        self.certificate = certificate  # a file with a key and what it is signed by; the server speaks TLS then

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.certificate is not None:
            self.server.socket = wrapped(self.server.socket, self.certificate)
        self.server.daemon_threads = True
        self.server.requests = self.requests = []
        self.server.over = threading.Event()
        self.server.lock, self.server.now, self.server.peak = threading.Lock(), 0, 0
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.server.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, fault="fine"):
        return f"{'http' if self.certificate is None else 'https'}://127.0.0.1:{self.port}/{fault}/v1"
