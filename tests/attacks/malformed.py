#!/usr/bin/env python3
"""Malformed model output through the whole loop: malformed.py CASE BUILD SOURCE.

Thousands of turns of a model, each damaged somewhere: in its JSON-like calls, control tokens, UTF-8, nesting, or cut short.
None may end carat, none may run what the damaged text does not say, and each must end as text, a result or an error.
CARAT_MUTATIONS in the environment raises the number; what is tried follows from a fixed seed.
"""
import random

from rows import *

COUNT = int(os.environ.get("CARAT_MUTATIONS", "2000"))
TURNS = [
    call("read_file", path="notes.txt", start_line=1) + "<|tool_response>",
    "I look.\n" + call("search_files", pattern="one", path=".") + call("list_files") + "<|tool_response>",
    "<|channel>thought\nFirst I read it.<channel|>" + call("read_file", path="sub/deep.txt") + "<|tool_response>",
    "A **word** and `code`.\n\n| a |\n|---|\n| 1 |\n<turn|>",
]
PIECES = ["<|tool_call>", "<tool_call|>", "<|\"|>", "<|channel>", "<channel|>", "<turn|>", "<|tool_response>", "<tool_response|>", "{", "}", "[", "]", ":", ",",
          "call:", "call:shell", "call:read_file{", "\"", "\\", "\n", "\x1b[2J", "\u202e", "\ufffd", "<eos>", "<bos>", "<|turn>user\n", "1e999", "-", "null", "x" * 300,
          "[" * 200, "{a:" * 100, "é", "\U0001f600"]


def damaged(text, moments):
    for _ in range(moments.choice([1, 1, 1, 2, 4])):
        at = moments.randrange(len(text) + 1)
        far = min(len(text), at + moments.randrange(1, 12))
        kind = moments.randrange(6)
        if kind == 0:
            text = text[:at]
        elif kind == 1:
            text = text[:at] + text[far:]
        elif kind == 2:
            text = text[:at] + moments.choice(PIECES) + text[at:]
        elif kind == 3:
            text = text[:at] + text[at:far] * moments.randrange(2, 5) + text[far:]
        elif kind == 4 and at < len(text):
            text = text[:at] + chr(moments.choice([ord(text[at]) ^ 1 << moments.randrange(7), moments.randrange(1, 0xD800)])).replace("\0", "0") + text[at + 1:]
        else:
            text = text[:at] + moments.choice(PIECES) + text[far:]
    return text or "<turn|>"


def case_loop():
    moments = random.Random(13)
    each = 20  # of one conversation
    with Place() as place:
        os.mkdir(place.work + "/sub")
        for name in ("notes.txt", "sub/deep.txt"):
            place.write(name, "one\ntwo\n")
        texts = [damaged(moments.choice(TURNS), moments) for _ in range(COUNT)]
        prompts = COUNT  # more than there will be turns; the script ends first
        place.write("prompts.jsonl", "".join(json.dumps({"prompt": f"go {number}"}) + "\n" for number in range(prompts)))
        run = subprocess.Popen([CARAT, "batch", "prompts.jsonl", "-m", script(place, *texts), "--max-turns", str(each)],
                               cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        endings = {"text": 0, "error": 0}
        before = sorted(os.listdir(place.work))
        for line in run.stdout:
            answer = json.loads(line)
            if "no further answer" in answer.get("error", {}).get("message", ""):
                run.kill()  # the script has ended
                break
            check(("text" in answer) or answer.get("error", {}).get("message"), answer)
            endings["error" if "error" in answer else "text"] += 1
        run.stdout.close()
        run.stderr.close()
        run.wait(PATIENCE)
        check(run.returncode in (0, 1, 4, -9), f"carat ended with {run.returncode}")
        check(sorted(os.listdir(place.work)) == before and place.read("notes.txt") == "one\ntwo\n", "something was changed")
        database = place.database()
        rows = database.execute("select name, arguments from calls").fetchall()
        database.close()
        spoken = "\n".join(texts + [text.replace("<|\"|>", "\"") for text in texts])
        wrong = [row for row in rows for value in json.loads(row[1] or "{}").values() if isinstance(value, str) and value not in spoken]
        print(f"{COUNT} damaged turns: {endings['text']} ended as text, {endings['error']} as an error that says so, {len(rows)} calls were understood")
        check(not wrong, f"a call that nobody wrote: {wrong[:3]}")
        check(len(rows) > COUNT // 10 and endings["text"] > COUNT // 20, "enough of them get that far")


main(globals())
