#!/usr/bin/env python3
"""The real programs under valgrind: no invalid access, no use of what was never set, nothing lost.

    memcheck.py BUILD [SCENARIO...]

BUILD is a build without sanitizers. Ten scenarios with the embedded model, two at a time; each is a
few commands in a folder of its own. An error or a definite leak fails the scenario and is printed.
What carat starts (tools, bubblewrap) runs outside of valgrind, which cannot enter their namespaces.
"""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite",
            "--child-silent-after-fork=yes", "--trace-children=no"]
NANO = os.path.join(HERE, "..", "models", "nano.gguf")
SUM = "what is 17 * 23"

# A call is a list of words, with the exit code that is right and perhaps standard input.
CASES = '{"messages": [{"role": "user", "content": "hello"}], "add_generation_prompt": true}\n'
IMPORTED = "".join(json.dumps(line) + "\n" for line in [
    {"type": "user", "sessionId": "s", "message": {"role": "user", "content": "how far is the moon"}},
    {"type": "assistant", "sessionId": "s",
     "message": {"role": "assistant", "content": [{"type": "text", "text": "Far."}]}}])
SCENARIOS = {
    "words": [(["--version"], 0), (["--help"], 0), (["config", "example"], 0), (["manual"], 0),
              (["completion", "bash"], 0), (["--no-such-option"], 2)],
    "a tool call": [(["exec", SUM], 0)],
    "an answer as lines": [(["exec", "--json", "hello"], 0)],
    "changes and undo": [(["exec", "create notes.txt with the text hello river"], 0),
                         (["undo", "--list"], 0), (["undo"], 0)],
    "conversations": [(["import", "talk.jsonl"], 0), (["sessions", "--json"], 0),
                      (["search", "moon"], 0), (["export"], 0), (["export", "--format", "html"], 0),
                      (["store", "check"], 0)],
    "prompts and answers as text": [(["render"], 0, CASES), (["parse"], 0, "a <b> &amp; c\n"),
                                    (["parse", "lenient"], 0, "<|channel>thought\nx")],
    "what is refused": [(["exec", "-m", "/nonexistent/model.gguf", "hello"], 57),
                        (["exec", "--mode", "ask", SUM], 55),
                        (["exec", "--resume", "00000000-none", "hello"], 42)],
    "what is configured": [(["policy", "why", "shell", "ls"], None), (["models"], 0),
                           (["sandbox", "status"], 0), (["-c", "broken.toml", "sessions"], None)],
    "a remote server that is not there": [
        (["exec", "-m", "remote:big", "--remote-url", "http://127.0.0.1:1/v1", "hello"], 1)],
    "the engine alone": [("carat-engine", ["tokenize", "-m", NANO], 0, "hello river\n"),
                         ("carat-engine", ["generate", "-m", NANO, "--ids", "ids.json", "-n", "8",
                                           "--temp", "0", "--json"], 0)],
}


def one(build, name):
    """What was wrong, as text; nothing when nothing was."""
    wrong = []
    root = tempfile.mkdtemp(prefix="carat-memcheck-")
    try:
        with open(os.path.join(root, "talk.jsonl"), "w") as out:
            out.write(IMPORTED)
        with open(os.path.join(root, "broken.toml"), "w") as out:
            out.write("[ \nx = 1\n")
        with open(os.path.join(root, "ids.json"), "w") as out:
            out.write("[2, 105, 107, 300, 106]")
        env = dict(os.environ, CARAT_HOME=root + "/home", HOME=root, LC_ALL="C.UTF-8")
        for call in SCENARIOS[name]:
            program, call = (call[0], call[1:]) if isinstance(call[0], str) else ("carat", call)
            words, code, given = call[0], call[1], call[2] if len(call) > 2 else ""
            run = subprocess.run(VALGRIND + [os.path.join(build, program)] + words, cwd=root,
                                 input=given, env=env, capture_output=True, text=True)
            noted = [line for line in run.stderr.splitlines() if line.startswith("==")]
            if run.returncode == 99 or noted or (code is not None and run.returncode != code):
                wrong.append(f"{program} {' '.join(words)}: exit {run.returncode}, not {code}\n"
                             + "\n".join(noted or [run.stderr[-2000:]]))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return "\n".join(wrong)


def main(words):
    if not words or not set(words[1:]) <= set(SCENARIOS):
        sys.exit(__doc__ + "\nscenarios: " + "; ".join(SCENARIOS))
    build = os.path.abspath(words[0])
    names = words[1:] or list(SCENARIOS)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda name: one(build, name), names))
    for name, wrong in zip(names, results):
        print(f"{'FAILED' if wrong else 'clean'}: {name}" + (f"\n{wrong}" if wrong else ""))
    print(f"{sum(not wrong for wrong in results)} of {len(names)} clean")
    return 1 if any(results) else 0


sys.exit(main(sys.argv[1:]))
