#!/usr/bin/env python3
"""`carat exec --schema`: the answer is JSON of the schema, whatever the model would rather say."""
import json
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["file", "folder"]},
        "count": {"type": "integer", "enum": [1, 2, 3]},
        "tags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
    },
    "required": ["kind", "count", "tags"],
    "additionalProperties": False,
}


def fits(answer):
    return (set(answer) == {"kind", "count", "tags"} and answer["kind"] in ("file", "folder") and
            answer["count"] in (1, 2, 3) and all(type(tag) is bool for tag in answer["tags"]) and len(answer["tags"]) <= 3)


def write_schema(place, schema):
    path = os.path.join(place.root, "schema.json")
    with open(path, "w") as file:
        file.write(schema if isinstance(schema, str) else json.dumps(schema))
    return path


def case_answer_fits():
    with Place() as place:
        path = write_schema(place, SCHEMA)
        for seed in ("1", "2", "3", "4"):
            run = place.carat("exec", "--no-tools", "--schema", path, "--seed", seed, "--temperature", "1.5", "hello")
            check(fits(json.loads(run.stdout)), run.stdout)
        plain = place.carat("exec", "--no-tools", "hello").stdout  # the control: free, it says something else
        check(plain.startswith("Hello"), plain)
        calls = place.events("--no-tools", "list the files", code=None)
        check(not items(calls, "mcp_tool_call"), calls)


def case_refused():
    with Place() as place:
        for schema, words in (("{", "line 1"), ({"type": "colour"}, "colour"), ({"enum": []}, "schema.json"),
                              ({"items": {"pattern": "a+"}}, "pattern"), ({"properties": {"a": {"not": {}}}}, "not")):
            run = place.carat("exec", "--schema", write_schema(place, schema), "hello", code=42)
            check(words in run.stderr, run.stderr)
        run = place.carat("exec", "--schema", "/nowhere.json", "hello", code=42)
        check("/nowhere.json" in run.stderr, run.stderr)


def case_server_answers_otherwise():
    bounds = {"type": "object", "properties": {"n": {"$ref": "#/$defs/small"}, "words": {"type": "array", "maxItems": 2,
              "items": {"type": "string", "minLength": 2}}}, "$defs": {"small": {"type": "integer", "maximum": 9}}}
    answers = (
        (SCHEMA, '{"kind": "file", "count": 3, "tags": [true]}', None),
        (SCHEMA, '{"kind": "file"}', "not of the schema"),
        (SCHEMA, "three files", "not JSON"),
        (bounds, '{"n": 9, "words": ["no", "\u00e4h"]}', None),
        (bounds, '{"n": 10}', "n: 10 breaks maximum 9"),
        (bounds, '{"words": ["\u00e4"]}', "breaks minLength 2"),
        (bounds, '{"words": ["no", "no", "no"]}', "not of the schema"),
    )
    with Place() as place:
        for schema, answer, mistake in answers:
            run = place.carat("exec", "-m", script(place, {"text": answer + "<turn|>"}), "--schema",
                              write_schema(place, schema), "hello", code=65 if mistake else 0)
            check(not mistake or mistake in run.stderr, run.stderr)


main(globals())
