#!/usr/bin/env python3
"""carat as the client of a real llama-server: llama_server.py LLAMA-SERVER BUILD-FOLDER SOURCE-FOLDER [--model FILE]
[--template FILE].

Starts the server on the project's small model, and asks it through `carat exec -m remote:`: an answer, a stream, a tool call that is
run in the sandbox and answered, a JSON schema, a limit of tokens, a server that is not there. Not a part of the test suite, which
needs no other project's programs: run it when either side has changed. The small model's file holds no template of a conversation:
--template gives the server one (llama.cpp has google-gemma-4-31B-it.jinja); without it no tool is called. Prints a line for each thing.
"""
import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request


class Trial:
    def __init__(self, server, build, model, template):
        self.root = tempfile.mkdtemp(prefix="carat-peer-")
        self.carat = os.path.join(build, "carat")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = open(os.path.join(self.root, "server.log"), "w")
        self.process = subprocess.Popen([server, "-m", model, "--host", "127.0.0.1", "--port", str(self.port), "-c", "8192", "-np", "1", "--jinja",
                                         *(["--chat-template-file", template] if template else [])],
                                        stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.failures = 0

    def wait(self):
        end = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("llama-server did not start: " + open(self.log.name).read()[-2000:])
            time.sleep(0.2)

    def ask(self, *words, **more):
        work = os.path.join(self.root, "work")
        os.makedirs(work, exist_ok=True)
        return subprocess.run([self.carat, "exec", "--remote-url", more.pop("url", f"http://127.0.0.1:{self.port}/v1"), "-m", "remote:nano",
                               "--temperature", "0", *words],
                              cwd=work, env=dict(os.environ, CARAT_HOME=self.root), capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)

    def show(self, what, ok, run):
        self.failures += not ok
        print(f"{'ok   ' if ok else 'WRONG'} {what}" + ("" if ok else f": {run.returncode}\n{run.stdout}\n{run.stderr}"), flush=True)

    def run(self):
        self.wait()
        run = self.ask("--no-tools", "hello")
        self.show("an answer: " + run.stdout.strip()[:60], run.returncode == 0 and run.stdout.strip() != "", run)
        run = self.ask("--json", "--no-tools", "hello")
        events = [json.loads(line) for line in run.stdout.splitlines()]
        usage = events[-1].get("usage", {}) if events else {}
        self.show(f"tokens are counted: {usage}", run.returncode == 0 and usage.get("output_tokens", 0) > 0 and usage["input_tokens"] > 0, run)
        run = self.ask("--json", "list the files")
        items = [json.loads(line).get("item", {}) for line in run.stdout.splitlines()]
        calls = [item for item in items if item.get("type") in ("mcp_tool_call", "command_execution")]
        self.show(f"a tool call, run and answered: {items[-2].get('text') if calls else 'none was made'}",
                  run.returncode == 0 and bool(calls) and calls[-1]["status"] == "completed" and items[-2].get("type") == "agent_message", run)
        schema = os.path.join(self.root, "schema.json")
        with open(schema, "w") as file:
            json.dump({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": False}, file)
        run = self.ask("--no-tools", "--schema", schema, "hello")
        self.show("a JSON schema: " + run.stdout.strip(), run.returncode == 0 and set(json.loads(run.stdout)) == {"ok"}, run)
        run = self.ask("--no-tools", "--set", "agent.max_tokens=2", "hello")
        self.show(f"a limit of tokens: exit {run.returncode}", run.returncode in (0, 54), run)
        run = self.ask("--no-tools", "hello", url=f"http://127.0.0.1:{self.port}/nothing/v1")
        self.show("a path that is not there: " + run.stderr.strip().splitlines()[0], run.returncode == 1, run)

    def finish(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("build")
    parser.add_argument("source")
    parser.add_argument("--model")
    parser.add_argument("--template")
    given = parser.parse_args()
    model = given.model or os.path.join(given.source, "models", "nano.gguf")
    trial = Trial(os.path.abspath(given.server), os.path.abspath(given.build), os.path.abspath(model),
                  os.path.abspath(given.template) if given.template else None)
    try:
        trial.run()
    finally:
        trial.finish()
    return 1 if trial.failures else 0


sys.exit(main())
