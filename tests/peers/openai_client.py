#!/usr/bin/env python3
"""The published `openai` client against carat serve: openai_client.py BUILD-FOLDER SOURCE-FOLDER, with a Python that has it.

Starts carat serve on the embedded model and asks it in every way that the client has: chat completions whole and streamed, the client's
own helpers for tools, streams and pydantic models, responses whole and streamed, a picture, models, and errors as the client's exceptions.
Not a part of the test suite, which installs nothing from registries. Prints a line for each thing.
"""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import openai
from pydantic import BaseModel

ADD = {"type": "function", "function": {"name": "add", "description": "Adds two numbers.", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer", "enum": [3]}, "b": {"type": "integer", "enum": [4]}},
    "required": ["a", "b"], "additionalProperties": False}, "strict": True}}
FAILURES = []


class Colour(BaseModel):
    ok: bool
    number: int


def show(what, ok, seen):
    print(f"{'ok   ' if ok else 'WRONG'} {what}: {str(seen)[:300]}", flush=True)
    if not ok:
        FAILURES.append(what)


def start(build, source, root):
    log = open(os.path.join(root, "log"), "w")
    process = subprocess.Popen([os.path.join(build, "carat"), "serve", "-m", os.path.join(source, "models", "nano.gguf"), "--port", "0"],
                               env=dict(os.environ, CARAT_HOME=root), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    end = time.monotonic() + 60
    while not (found := re.search(r"127\.0\.0\.1:(\d+)/v1", open(log.name).read())):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit("carat serve did not start: " + open(log.name).read())
        time.sleep(0.05)
    token = open(os.path.join(root, "state", "serve.token")).read().strip()
    return process, openai.OpenAI(base_url=f"http://127.0.0.1:{found.group(1)}/v1", api_key=token, max_retries=0)


def chat(client):
    hello = {"model": "nano", "temperature": 0, "messages": [{"role": "user", "content": "hello"}]}
    whole = client.chat.completions.create(**hello)
    show("chat", whole.choices[0].finish_reason == "stop" and whole.usage.total_tokens > 0, whole.choices[0].message.content)
    stream = list(client.chat.completions.create(**hello, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    show("chat, streamed", text == whole.choices[0].message.content and stream[-1].usage.completion_tokens > 0, text)
    with client.chat.completions.stream(**hello) as helper:
        kinds = {event.type for event in helper}
        final = helper.get_final_completion()
    show("chat, the client's stream helper", "content.done" in kinds and final.choices[0].message.content == text, kinds)
    logprobs = client.chat.completions.create(**hello, logprobs=True, top_logprobs=3).choices[0].logprobs.content
    show("log-probabilities", len(logprobs[0].top_logprobs) == 3, logprobs[0].token)


def tools(client):
    ask = {"model": "nano", "temperature": 0, "messages": [{"role": "user", "content": "add 3 and 4"}], "tools": [ADD], "tool_choice": "required",
           "parallel_tool_calls": False}
    answer = client.chat.completions.create(**ask).choices[0]
    call = answer.message.tool_calls[0]
    show("a tool call", answer.finish_reason == "tool_calls" and json.loads(call.function.arguments) == {"a": 3, "b": 4}, call.function)
    more = ask["messages"] + [answer.message, {"role": "tool", "tool_call_id": call.id, "content": "7"}]
    answer = client.chat.completions.create(model="nano", temperature=0, messages=more, tools=[ADD], max_tokens=40)
    show("and its result", answer.choices[0].finish_reason in ("stop", "length", "tool_calls"), answer.choices[0].message.content)
    with client.chat.completions.stream(**ask) as helper:
        final = helper.get_final_completion()
    show("a tool call, streamed", final.choices[0].message.tool_calls[0].function.arguments == call.function.arguments, final.choices[0].message.tool_calls[0])


def schemas(client):
    parsed = client.chat.completions.parse(model="nano", temperature=0, messages=[{"role": "user", "content": "hello"}], response_format=Colour)
    show("a pydantic model as the answer", isinstance(parsed.choices[0].message.parsed, Colour), parsed.choices[0].message.parsed)
    response = client.responses.parse(model="nano", temperature=0, input="hello", text_format=Colour)
    show("the same of responses", isinstance(response.output_parsed, Colour), response.output_parsed)


def responses(client):
    whole = client.responses.create(model="nano", temperature=0, input="hello", instructions="You are carat.")
    show("responses", whole.status == "completed" and whole.output_text != "", whole.output_text)
    events = list(client.responses.create(model="nano", temperature=0, input="hello", instructions="You are carat.", stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    show("responses, streamed", text == whole.output_text and events[-1].type == "response.completed", [event.type for event in events][:4])
    flat = dict(ADD["function"], type="function")
    with client.responses.stream(model="nano", temperature=0, input="add 3 and 4", tools=[flat], tool_choice="required") as helper:
        for _ in helper:
            pass
        final = helper.get_final_response()
    show("responses, a tool call, streamed", json.loads(final.output[0].arguments) == {"a": 3, "b": 4}, final.output[0])


def pictures(client, source):
    file = os.path.join(source, "tests", "engine", "vision", "data", "picture00.png")
    url = "data:image/png;base64," + base64.b64encode(open(file, "rb").read()).decode()
    part = {"type": "image_url", "image_url": {"url": url, "detail": "auto"}}
    answer = client.chat.completions.create(model="nano", temperature=0, messages=[
        {"role": "user", "content": [part, {"type": "text", "text": "what do you see?"}]}])
    show("a picture", "I see" in answer.choices[0].message.content, answer.choices[0].message.content)
    part = {"type": "input_image", "image_url": url, "detail": "auto"}
    answer = client.responses.create(model="nano", temperature=0, input=[
        {"role": "user", "content": [part, {"type": "input_text", "text": "what do you see?"}]}])
    show("a picture in responses", "I see" in answer.output_text, answer.output_text)


def errors(client):
    def raised(kind, function, **more):
        try:
            function(**more)
        except kind as error:
            return error.message
        return None
    create = client.chat.completions.create
    hello = [{"role": "user", "content": "hello"}]
    seen = raised(openai.BadRequestError, create, model="nano", messages=[
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}])
    show("a picture elsewhere is a BadRequestError", seen, seen)
    seen = raised(openai.NotFoundError, create, model="gpt-4", messages=hello)
    show("another model is a NotFoundError", seen, seen)
    seen = raised(openai.AuthenticationError, client.with_options(api_key="wrong").chat.completions.create, model="nano", messages=hello)
    show("a wrong token is an AuthenticationError", seen, seen)
    show("models", [model.id for model in client.models.list()] == ["nano"], client.models.list().data)


def main():
    build, source = (os.path.abspath(path) for path in sys.argv[1:3])
    root = tempfile.mkdtemp(prefix="carat-peer-")
    process, client = start(build, source, root)
    print(f"openai {openai.__version__}")
    try:
        for part in (chat, tools, schemas, responses, lambda client: pictures(client, source), errors):
            part(client)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        shutil.rmtree(root, ignore_errors=True)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
