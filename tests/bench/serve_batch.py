#!/usr/bin/env python3
"""What carat serve makes of several answers at a time: serve_batch.py BUILD MODEL.gguf [--rounds N] [--tokens N] [--sessions 1,2,4,8].

Asks for that many answers of the same length at once and counts the tokens of all of them from the first one's first token to the last
one's end. The numbers of sessions take turns, round after round, so that what else the machine does falls on all of them; prints the
tokens/s of each, and the median over the rounds of its ratio to one session of the same round.
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time


class Bench:
    def __init__(self, given):
        self.given = given
        self.counts = [int(count) for count in given.sessions.split(",")]
        self.root = tempfile.mkdtemp(prefix="carat-bench-")
        self.log = os.path.join(self.root, "log")

    def start(self):
        words = [os.path.join(self.given.build, "carat"), "serve", "-m", self.given.model, "--port", "0", "--context", "1024",
                 "--sessions", str(max(self.counts)), "--no-token"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(words, env=dict(os.environ, CARAT_HOME=self.root), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not (found := re.search(r"127\.0\.0\.1:(\d+)/v1", open(self.log).read())):
            if self.process.poll() is not None:
                raise SystemExit("carat serve did not start: " + open(self.log).read())
            time.sleep(0.1)
        self.port = int(found.group(1))

    def ask(self, number, barrier, results):
        """One answer; (time of its first token, time of its end, tokens)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        body = {"messages": [{"role": "user", "content": f"say {number} words"}], "max_tokens": self.given.tokens, "stream": True, "temperature": 1,
                "top_k": 64, "top_p": 0.95, "seed": number + 1, "stream_options": {"include_usage": True}}
        barrier.wait()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        first, tokens = None, 0
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            first = first or time.monotonic()
            usage = json.loads(line[6:]).get("usage")
            tokens = usage["completion_tokens"] if usage else tokens
        results[number] = (first, time.monotonic(), tokens)

    def measure(self, count):
        barrier, results = threading.Barrier(count), {}
        threads = [threading.Thread(target=self.ask, args=(number, barrier, results)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        begin = min(first for first, _, _ in results.values())
        end = max(last for _, last, _ in results.values())
        return sum(tokens for _, _, tokens in results.values()) / (end - begin)

    def run(self):
        self.start()
        self.measure(1)  # pages in what is read
        speeds = {count: [] for count in self.counts}
        for _ in range(self.given.rounds):
            for count in self.counts:
                speeds[count].append(self.measure(count))
        for count in self.counts:
            ratios = [speed / alone for speed, alone in zip(speeds[count], speeds[self.counts[0]])]
            print(f"{count} sessions: {statistics.median(speeds[count]):.1f} tokens/s ({min(speeds[count]):.1f}-{max(speeds[count]):.1f}), "
                  f"{statistics.median(ratios):.2f} x ({min(ratios):.2f}-{max(ratios):.2f})", flush=True)

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        shutil.rmtree(self.root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--sessions", default="1,2,4,8")
    bench = Bench(parser.parse_args())
    try:
        bench.run()
    finally:
        bench.finish()


main()
