"""Seeds that are texts: JSON of clients and models, configuration, policies. See seeds.py."""
import json


def dump(value):
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()


# --- requests of the server, and answers to them ---

CHAT, RESPONSES, OLLAMA, GENERATE = range(4)
CUT_OFF, CLIENT_GOES, BY_TWO, BY_EIGHT = 4, 8, 1 << 4, 7 << 4

EOS, CALL, CALL_END, RESPONSE, QUOTE, CHANNEL, CHANNEL_END = (bytes([one]) for one in range(1, 8))
A_CALL = CALL + b"call:f{a:" + QUOTE + b"x" + QUOTE + b"}" + CALL_END
A_THOUGHT = CHANNEL + b"thought\nhm" + CHANNEL_END

USER = [{"role": "user", "content": "x"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {
    "type": "object", "properties": {"a": {"type": "string"}}}}}
PIXEL = "data:image/png;base64,aGVsbG8="


def part(**fields):
    return {"messages": [{"role": "user", "content": [fields]}]}


def requests():
    def seed(first, body, words=None):
        return bytes([first]) + dump(body) + (b"" if words is None else b"\0" + words)

    def chat(**members):
        return {"messages": USER, **members}

    many = "été ".encode() + A_CALL
    stream = {"stream": True, "stream_options": {"include_usage": True}}
    thinking = {"reasoning_effort": "high"}
    bound = {"response_format": {"type": "json_schema", "json_schema": {"schema": {
        "type": "integer", "maximum": 5}}}}
    flat = {"type": "function", "name": "f", "parameters": TOOL["function"]["parameters"]}
    respond = {"input": "x", "instructions": "y"}
    ask = {"prompt": "x", "system": "y"}
    return {
        # the chat form
        "chat_answer": seed(CHAT, chat(), "été".encode()),
        "chat_answer_cut": seed(CHAT | CUT_OFF | BY_TWO, chat(tools=[TOOL]), b"text"),
        "chat_calls": seed(CHAT | BY_EIGHT, chat(tools=[TOOL]), A_THOUGHT + many),
        "chat_call_only": seed(CHAT, chat(tools=[TOOL], parallel_tool_calls=False), A_CALL * 2),
        "chat_stream": seed(CHAT, chat(tools=[TOOL], **stream), many),
        "chat_stream_thought": seed(CHAT | BY_TWO, chat(**stream, **thinking), b"hm" + CHANNEL_END + b"text"),
        "chat_stream_gone": seed(CHAT | CLIENT_GOES, chat(**stream), b"a long text"),
        "chat_stream_fails": seed(CHAT, chat(stream=True), b"fifteen bytes.."),
        "chat_fails": seed(CHAT, chat(), b"fifteen bytes.."),
        "chat_stop": seed(CHAT | BY_TWO, chat(stop=["end", "never"], **stream), b"to the end of it"),
        "chat_logprobs": seed(CHAT, chat(logprobs=True, top_logprobs=2), "é".encode() + EOS),
        "chat_logprobs_stream": seed(CHAT, chat(logprobs=True, **stream), "é".encode()),
        "chat_logprobs_alone": seed(CHAT, chat(top_logprobs=2)),
        "chat_logprobs_many": seed(CHAT, chat(logprobs=True, top_logprobs=99)),
        "chat_logprobs_a_number": seed(CHAT, chat(logprobs=1)),
        "chat_bound_kept": seed(CHAT, chat(**bound), b"5"),
        "chat_bound_broken": seed(CHAT, chat(**bound), b"6"),
        "chat_bias": seed(CHAT, chat(logit_bias={"1": 2})),
        "chat_bias_none": seed(CHAT, chat(logit_bias={}, presence_penalty=0, frequency_penalty=None)),
        "chat_two_answers": seed(CHAT, chat(n=2)),
        "chat_functions": seed(CHAT, chat(functions=[])),
        "chat_stream_a_number": seed(CHAT, chat(stream=1)),
        # pictures and sounds
        "media_picture": seed(CHAT, part(type="image_url", image_url={"url": PIXEL})),
        "media_picture_bare": seed(CHAT, part(type="image_url", image_url=PIXEL)),
        "media_fetched": seed(CHAT, part(type="image_url", image_url={"url": "http://x/y.png"})),
        "media_not_base64": seed(CHAT, part(type="image_url", image_url={"url": "data:;base64,*"})),
        "media_no_url": seed(CHAT, part(type="image_url", image_url={})),
        "media_no_comma": seed(CHAT, part(type="image_url", image_url={"url": "data:image/png"})),
        "media_sound": seed(CHAT, part(type="input_audio", input_audio={"data": "aGk=", "format": "wav"})),
        "media_sound_mp3": seed(CHAT, part(type="input_audio", input_audio={"data": "aGk=", "format": "mp3"})),
        "media_sound_of_nothing": seed(CHAT, part(type="input_audio", input_audio={"format": "wav"})),
        "media_of_the_system": seed(CHAT, {"messages": [{"role": "system", "content": [
            {"type": "image_url", "image_url": {"url": PIXEL}}]}]}),
        # responses
        "responses_answer": seed(RESPONSES, respond, b"text"),
        "responses_nothing": seed(RESPONSES, {**respond, "stream": True}, b""),
        "responses_stream": seed(RESPONSES | BY_TWO, {**respond, "stream": True, "tools": [flat]}, many),
        "responses_calls": seed(RESPONSES, {**respond, "tools": [flat], "tool_choice": {"name": "f"}}, A_CALL),
        "responses_cut": seed(RESPONSES | CUT_OFF, {**respond, "stream": True}, b"text"),
        "responses_fails": seed(RESPONSES, {**respond, "stream": True}, b"fifteen bytes.."),
        "responses_thought": seed(RESPONSES, {**respond, "stream": True, "reasoning": {"effort": "low"}},
                                  b"hm" + CHANNEL_END + b"text"),
        "responses_whole_cut": seed(RESPONSES | CUT_OFF, respond, b"text"),
        "responses_kept": seed(RESPONSES, {**respond, "previous_response_id": "1"}),
        "responses_input_a_number": seed(RESPONSES, {"input": 1}),
        "responses_item_unknown": seed(RESPONSES, {"input": [{"type": "file_search_call"}]}),
        "responses_picture": seed(RESPONSES, {"input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": PIXEL}, {"type": "output_text", "text": "x"}]}]}),
        "responses_parallel_a_number": seed(RESPONSES, {**respond, "parallel_tool_calls": 1}),
        # Ollama
        "ollama_answer": seed(OLLAMA, chat(stream=False, tools=[TOOL], think=True),
                              b"hm" + CHANNEL_END + many),
        "ollama_stream": seed(OLLAMA | BY_TWO, chat(tools=[TOOL], think=True), b"hm" + CHANNEL_END + many),
        "ollama_cut": seed(OLLAMA | CUT_OFF, chat(stream=False), b"text"),
        "ollama_fails": seed(OLLAMA, chat(), b"fifteen bytes.."),
        "ollama_options_a_number": seed(OLLAMA, chat(options=1)),
        "ollama_options_wrong": seed(OLLAMA, chat(options={"num_predict": "1"})),
        "ollama_schema": seed(OLLAMA, chat(format={"type": "object"}), b"{}"),
        "ollama_format_empty": seed(OLLAMA, chat(format="")),
        "ollama_pictures": seed(OLLAMA, {"messages": [{"role": "user", "content": "x", "images": [
            "aGVsbG8=", 1]}]}),
        "generate_answer": seed(GENERATE, {**ask, "stream": False, "images": ["aGk="]}, b"text"),
        "generate_stream": seed(GENERATE, ask, b"text"),
        "generate_raw": seed(GENERATE, {**ask, "raw": True}),
        "generate_goes_on": seed(GENERATE, {**ask, "context": [1]}),
    }


# --- schemas, and values that keep to them or do not ---

def schemas():
    def seed(schema, *values):
        return dump(schema) + b"\0" + b"".join(dump(value) for value in values)

    def deep(key, of):
        schema = {}
        for _ in range(80):
            schema = {key: [schema] if of is list else schema}
        return schema

    value = 1
    for _ in range(80):
        value = [value]
    point = {"$defs": {"p": {"type": "integer", "minimum": 2}}, "type": "object",
             "properties": {"p": {"$ref": "#/$defs/p"}}}
    return {
        "bound_least": seed({"type": "integer", "minimum": 2}, 1),
        "bound_most": seed({"type": "number", "maximum": 2, "exclusiveMaximum": 2}, 2.5),
        "bound_below": seed({"exclusiveMaximum": 2}, 2),
        "bound_above": seed({"exclusiveMinimum": 2}, 2),
        "bound_multiple": seed({"type": "number", "multipleOf": 0.1}, 0.3),
        "bound_multiple_of_0": seed({"multipleOf": 0}, 1),
        "bound_characters": seed({"type": "string", "minLength": 2, "maxLength": 3}, "été"),
        "bound_items": seed({"type": "array", "maxItems": 1}, [1, 2]),
        "bound_unique": seed({"type": "array", "uniqueItems": True}, [1, 2, 1]),
        "bound_unique_kept": seed({"type": "array", "uniqueItems": True}, [1, 2]),
        "bound_of_items": seed({"type": "array", "prefixItems": [{"maximum": 1}], "items": {"minimum": 2}},
                               [1, 1]),
        "bound_of_members": seed({"type": "object", "properties": {"a": {"maximum": 1}}, "minProperties": 1,
                                  "additionalProperties": {"maximum": 1}}, {"a": 1, "b": 2}),
        "bound_referred": seed(point, {"p": 1}),
        "bound_referred_to_nothing": seed({"$ref": "#/$defs/gone"}, 1),
        "bound_referred_by_an_old_name": seed({"definitions": {"p": {"maximum": 0}},
                                               "$ref": "#/definitions/p"}, 1),
        "bound_all_of": seed({"allOf": [{"maximum": 3}, {"maximum": 0}]}, 1),
        "bound_any_of": seed({"anyOf": [{"maximum": 0}, {"minimum": 9}]}, 1),
        "bound_one_of": seed({"oneOf": [{"maximum": 0}, {"minimum": 0}]}, True),
        "bound_of_a_circle": seed({"$defs": {"c": {"$ref": "#/$defs/c"}}, "$ref": "#/$defs/c"}, 1),
        "bound_types": seed({"type": ["integer", "null"]}, None),
        "bound_type_unknown": seed({"type": ["integer", "date"]}, 1),
        "bound_refused": seed({"type": "string", "pattern": "^a"}, "a"),
        "bound_refused_inside": seed({"properties": {"a": {"not": {}}}}, {}),
        "bound_refused_in_a_list": seed({"anyOf": [{}, {"pattern": "a"}]}, "a"),
        "bound_deep_schema": seed(deep("items", dict), 1),
        "bound_deep_list": seed(deep("anyOf", list), 1),
        "bound_deep_value": seed({"items": {"$ref": "#"}, "$ref": "#"}, value),
        "escape_surrogate": seed({"type": "string"}, b'"\\ud800"'),
        "escape_nothing": seed({"type": "string"}, b'"\\u0000"'),
        "escape_letters": seed({"type": "string"}, b'"\\u00E9\\n\\x"'),
        "key_with_a_control": seed({"type": "object", "properties": {"a\u0001\n\"": {}},
                                    "additionalProperties": False}, b'{"a\\u0001\\n\\"":1}'),
    }


# --- boxes that a model drew ---

def boxes():
    box = {"box_2d": [1, 2, 300, 400], "label": "x"}
    cases = {
        "outside": [{"box_2d": [0, 0, 1, 1001]}],
        "both": [{**box, "point": [1, 2]}],
        "label_a_number": [{**box, "label": 1}],
        "label_long": [{**box, "label": "x" * 300}],
        "flat": [{"box_2d": [5, 5, 5, 9]}],
        "point_of_three": {"point": [1, 2, 3]},
        "many": [{"point": [1, 2]}] * 300,
    }
    made = {name: dump(value) for name, value in cases.items()}
    made["words"] = "There is nothing [to see].".encode()
    return made


# --- conversations, turns ---

def conversations():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": [1, None]}}}
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "audio"}, {"type": "video"}]
    return {
        "options_a_list": dump({"options": [], "messages": USER}),
        "option_a_number": dump({"options": {"add_generation_prompt": 1, "enable_thinking": 1}, "messages": USER}),
        "tools_a_text": dump({"tools": "f", "messages": USER}),
        "messages_a_text": dump({"messages": "x"}),
        "messages_of_all_kinds": dump({"messages": [
            {"role": "system", "content": "s"}, {"role": "user", "content": parts},
            {"role": "assistant", "content": "", "reasoning": "r", "tool_calls": [call, call]},
            {"role": "tool", "tool_call_id": "1", "name": "f", "content": {"a": 1}},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "t"}]},
            {"role": "assistant", "content": "é"}]}),
        "turn_thought": b"<|channel>thought\nhm<channel|>text<turn|>",
        "turn_calls": b'<|tool_call>call:f{a:<|"|>x<|"|>}<tool_call|><|tool_response>',
        "turn_call_broken": b"<|tool_call>call:f{a:<tool_call|><turn|>",
        "turn_eos": b"text<eos>more",
        "turn_of_bytes": b"<\xff<|\xc3",
        "turn_loop": b"<|tool_call>call:f{}<tool_call|>" * 40,
    }


# --- the tools' server ---

def calls():
    def request(number, method, **params):
        return dump({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + b"\n"

    def call(number, name, progress=True, **arguments):
        return request(number, "tools/call", name=name, arguments=arguments,
                       **({"_meta": {"progressToken": number}} if progress else {}))

    def cancel(number):
        return dump({"jsonrpc": "2.0", "method": "notifications/cancelled",
                     "params": {"requestId": number}}) + b"\n"

    first = call(1, "shell", command="x")
    ping = request(1, "ping")
    return {
        # By its length behind a line of more than 4 MiB: see the target.
        "behind_a_long_line": ping + b" " * (127 - len(ping) - 1) + b"\n",
        "call_floods": call("a", "search_files", pattern="é"),
        "call_floods_unseen": call(1, "search_files", False, pattern="x"),
        "call_paints": call(1, "read_file", path="x"),
        "call_forgets": call(1, "http_fetch", url="x"),
        "call_while_one_runs": first + call(2, "list_files") + call(3, "list_files") + cancel(3) + cancel(4),
        "call_cancelled": first + cancel(1) + request(2, "ping"),
        "call_many_wait": first + b"".join(call(number, "list_files", False) for number in range(2, 70)),
        "call_unknown": call(1, "x" * 300) + request(2, "é" * 200),
        "call_without_a_name": request(1, "tools/call"),
        "call_params_a_list": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}\n',
        "answers_only": b'{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":1}\n',
    }


# --- policies, configuration ---

def policies():
    cases = {
        "directory_relative": {"writable": ["a"]},
        "directory_a_text": {"writable": "/a"},
        "all": {"workspace": "/", "writable": ["/a"], "readable": [], "hidden": ["/b"], "denied": ["c/"], "read_only": True,
                "network": False, "environment": ["A=b"], "hosts": ["*.a.example:1"], "network_hosts": ["b:2"],
                "limits": {"seconds": 1, "output_bytes": 1, "memory_bytes": 1 << 24, "processes": 1,
                           "file_bytes": 0}, "result_tokens": 16, "keep_whole": True, "job": False,
                "sandbox": "full"},
        "workspace_gone": {"workspace": "/nonexistent/carat"},
        "workspace_a_file": {"workspace": "/proc/self/exe"},
        "limits_a_list": {"limits": []},
        "number_too_small": {"result_tokens": 1},
        "key_unknown": {"limits": {"hours": 1}},
        "sandbox_unknown": {"sandbox": "half"},
    }
    # An odd length has no workspace from elsewhere: see the target.
    return {name: (lambda text: text if len(text) % 2 else text + b" ")(dump(value))
            for name, value in cases.items()}


def configurations():
    return {
        "values": b"a = 1.5\nb = true\nc = 'x'\nd = ['x', \"y\"]\ne = 0x10\n",
        "list_of_numbers": b"a = [1, 2]\n",
        "list_of_tables": b"[[a]]\nb = 1\n[[a]]\nb = 2\n[[a.c]]\nd = 3\n",
        "list_of_tables_refused": b"[[a]]\nb = 1979-05-27\n",
        "quotes_at_the_end": b"a = \"\"\"x\"\"\"\"\"\nb = '''y''''\n",
        "quotes_open": b"a = '''x",
        "text_escaped": b'a = "x\\"."\nb = "\\u00e9"\n',
        "dots": b"." * 2001,
        "dots_in_texts": b"a = '" + b"." * 2001 + b"'\n# " + b"." * 2001,
        "key_twice": b"a = 1\na = 2\n",
        "date": b"a = 1979-05-27\n",
    }


def corpora(_tests):
    return {"serve/corpus_serve_request": requests(), "chat/corpus_grammar": schemas(),
            "chat/corpus_render_json": conversations(), "chat/corpus_boxes": boxes(), "tools/corpus_mcp": calls(),
            "tools/corpus_policy": policies(), "config/corpus_toml": configurations()}
