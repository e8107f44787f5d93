"""A small OpenAI-compatible server for the tests: on 127.0.0.1, at a port of its own, until the test closes it.

The first folder of the path says how it behaves: http://127.0.0.1:PORT/FAULT/v1. Without a fault it asks for one shell
command and then says what came back. Every request is kept in `requests` as (path, headers, body).
"""
import http.server
import json
import threading

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

    def fault_filtered(self, body, count):
        self.head(200)
        self.wfile.write(chunk({}, "content_filter") + b"data: [DONE]\n\n")

    def fault_moved(self, body, count):
        self.head(302, Location=f"http://127.0.0.1:{self.server.server_port}/fine/v1/chat/completions")


class ModelServer:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.requests = self.requests = []
        self.server.over = threading.Event()
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
        return f"http://127.0.0.1:{self.port}/{fault}/v1"
