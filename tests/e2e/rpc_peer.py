"""A peer that speaks JSON-RPC over a program's standard input and output, one object a line."""
import json
import subprocess
import threading
import queue

from place import CARAT, PATIENCE


class Refused(Exception):
    """The answer was an error."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.data = error.get("data")


class Peer:
    """carat as a server; `handlers` answers its requests: method -> function of the parameters."""

    def __init__(self, place, *words, env=None, cwd=None, read=True):
        self.process = subprocess.Popen([CARAT, *words], cwd=cwd or place.work, env=dict(place.env, **(env or {})), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.number = 0
        self.answers = {}
        self.notes = []  # notifications, in order
        self.asked = []  # requests to us, in order
        self.handlers = {}
        self.lines = queue.Queue()
        self.complaints = []
        if read:
            threading.Thread(target=self.read, daemon=True).start()
        self.reading = threading.Thread(target=lambda: self.complaints.extend(self.process.stderr), daemon=True)
        self.reading.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def send(self, message):
        self.raw(json.dumps(message))

    def raw(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def notify(self, method, **params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def start(self, method, params):
        self.number += 1
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        return self.number

    def take(self):
        """Reads one message and files it."""
        line = self.lines.get(timeout=PATIENCE)
        if line is None:
            raise AssertionError("the program has ended: " + "".join(self.complaints))
        message = json.loads(line)
        if message.get("jsonrpc") != "2.0":
            raise AssertionError(message)
        if "method" not in message:
            self.answers[message["id"]] = message
        elif "id" not in message:
            self.notes.append(message)
        else:
            self.asked.append(message)
            handler = self.handlers.get(message["method"])
            answer = handler(message["params"]) if handler else None
            if answer is not None:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": answer})
        return message

    def wait(self, number):
        while number not in self.answers:
            self.take()
        message = self.answers.pop(number)
        if "error" in message:
            raise Refused(message["error"])
        return message["result"]

    def call(self, method, **params):
        return self.wait(self.start(method, params))

    def until(self, wanted):
        """Reads until the function says yes to a message; that message."""
        while True:
            message = self.take()
            if wanted(message):
                return message

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=PATIENCE)
