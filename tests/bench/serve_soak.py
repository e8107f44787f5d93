#!/usr/bin/env python3
"""A soak of carat serve on the embedded model: serve_soak.py BUILD SOURCE [--seconds N] [--clients N] [--sessions N].

Clients ask, whole or streamed, what was asked once alone at the beginning; some leave in the middle, some send nonsense. Each
answer must be the one that was given alone: a byte of another session's would show (in exact arithmetic: in fast arithmetic an
answer may depend on how its prompt was cut, and half of these are drawn from far down). Prints how many there were and how the
server's memory grew; exits 1 on a wrong answer, a failure, or growth that does not end.
"""
import argparse
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROMPTS = ["hello", "list the files", "what is 17 * 23", "read notes.txt", "who are you", "create a file", "word " * 300, "thank you",
           "search for main", "run the tests", "what can you do", "edit the file", "good morning", "count to ten"]
NONSENSE = [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{]{]{", b"A" * 50000,
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", b"GET / HTTP/9.9\r\n\r\n"]


class Soak:
    def __init__(self, arguments):
        self.arguments = arguments
        self.root = tempfile.mkdtemp(prefix="carat-soak-")
        self.lock = threading.Lock()
        self.counts = {}
        self.faults = []
        self.stop = 0.0

    def start(self):
        self.log = open(os.path.join(self.root, "log"), "w")
        self.process = subprocess.Popen(
            [os.path.join(self.arguments.build, "carat"), "serve", "-m", os.path.join(self.arguments.source, "models", "nano.gguf"),
             "--port", "0", "--sessions", str(self.arguments.sessions), "--context", "2048", "--arithmetic", "exact", "--set", "serve.queue=1000"],
            env=dict(os.environ, CARAT_HOME=self.root, ASAN_OPTIONS="quarantine_size_mb=4"), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 120
        while not (found := re.search(r"127\.0\.0\.1:(\d+)/v1", open(self.log.name).read())):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("carat serve did not start: " + open(self.log.name).read())
            time.sleep(0.05)
        self.port = int(found.group(1))
        self.token = open(os.path.join(self.root, "state", "serve.token")).read().strip()

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def body(self, at, stream):
        return json.dumps({"messages": [{"role": "user", "content": PROMPTS[at]}], "temperature": 0 if at % 2 else 2, "seed": at,
                           "top_k": 0, "top_p": 1, "max_tokens": 32, "stream": stream})

    def send(self, connection, at, stream):
        connection.request("POST", "/v1/chat/completions", self.body(at, stream),
                           {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})

    def ask(self, connection, at, stream):
        self.send(connection, at, stream)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise AssertionError(f"status {answer.status}: {text}")
        if not stream:
            return json.loads(text)["choices"][0]["message"]["content"]
        lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
        if lines[-1] != "[DONE]":
            raise AssertionError(f"a stream without an end: {lines[-1]}")
        return "".join(json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines[:-1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def leave(self, chance):
        """Begins a request and goes away, at some point of it."""
        connection = self.connect()
        self.send(connection, chance.randrange(len(PROMPTS)), chance.random() < 0.7)
        time.sleep(chance.random() * 0.1)
        if chance.random() < 0.5:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset instead of an end
        connection.close()

    def nonsense(self, chance):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            try:
                client.sendall(chance.choice(NONSENSE))
                client.shutdown(socket.SHUT_WR)
                client.recv(4096)
            except OSError:
                pass  # that it is cut off is what it deserves

    def client(self, number):
        chance = random.Random(number)
        connection = self.connect()
        while time.monotonic() < self.stop:
            fate = chance.random()
            try:
                if fate < 0.1:
                    self.leave(chance)
                    self.count("left")
                elif fate < 0.2:
                    self.nonsense(chance)
                    self.count("nonsense")
                else:
                    at = chance.randrange(len(PROMPTS))
                    got = self.ask(connection, at, chance.random() < 0.5)
                    self.count("answered")
                    if got != self.alone[at]:
                        raise AssertionError(f"{PROMPTS[at][:30]!r}: {got!r}, alone {self.alone[at]!r}")
            except Exception as error:  # every failure of any client is a failure of the soak
                self.count("failed")
                with self.lock:
                    self.faults.append(repr(error))
                connection = self.connect()

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1))

    def run(self):
        self.start()
        connection = self.connect()
        self.alone = [self.ask(connection, at, False) for at in range(len(PROMPTS))]
        seconds = self.arguments.seconds
        start = time.monotonic()
        self.stop = start + seconds
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(self.arguments.clients)]
        for thread in threads:
            thread.start()
        memory = []
        while time.monotonic() < self.stop:
            time.sleep(max(0.0, min(seconds / 20, self.stop - time.monotonic())))
            memory.append(self.memory())
        for thread in threads:
            thread.join(180)
        end = time.monotonic() + 60
        while json.loads(self.health())["busy"] and time.monotonic() < end:
            time.sleep(0.05)
        self.report(memory, time.monotonic() - start, any(thread.is_alive() for thread in threads))

    def health(self):
        connection = self.connect()
        connection.request("GET", "/health")
        return connection.getresponse().read()

    def report(self, memory, seconds, hangs):
        busy = json.loads(self.health())["busy"]
        files = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        half = memory[len(memory) // 2:]
        print(f"{self.arguments.clients} clients, {seconds:.0f} s: {self.counts}")
        print(f"memory in MiB, every 20th of the time: {[kib // 1024 for kib in memory]}; open files at the end {files}")
        if hangs:
            self.faults.append("a client still waits")
        if busy:
            self.faults.append(f"{busy} requests still run though every client has gone")
        if half[-1] > half[0] * 1.2 + 8 * 1024:
            self.faults.append(f"memory grew from {half[0]} to {half[-1]} KiB in the second half")
        if not all(self.counts.get(what) for what in ("answered", "left", "nonsense")):
            self.faults.append("not everything was tried")

    def finish(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        if code != 143:
            self.faults.append(f"carat serve ended with {code}: {open(self.log.name).read()[-2000:]}")
        shutil.rmtree(self.root, ignore_errors=True)
        for fault in self.faults[:10]:
            print("WRONG: " + fault)
        return 1 if self.faults else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("source")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=4)
    soak = Soak(parser.parse_args())
    try:
        soak.run()
    finally:
        code = soak.finish()
    return code


sys.exit(main())
