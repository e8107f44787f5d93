#!/usr/bin/env python3
"""How much of the code the tests run, by gcov.

    coverage.py BUILD --corpora     each fuzz target over its corpus: lines of each parser's files
    coverage.py BUILD [MESON-TEST-OPTIONS...]   the test suite: lines and branches of everything
    coverage.py BUILD --counted     the same from what was counted by a run before

BUILD is a build of gcc with -Db_coverage=true -Dbuildtype=debug. A line or branch counts as run when it was run in any
program. What a killed process ran is not counted (it wrote nothing), nor what ran inside the
sandbox, from where the build folder cannot be written. Ends with 1 when a goal is missed.
"""
import collections
import json
import os
import subprocess
import sys

# What each target reads with. Lines that only other callers reach are in there too.
PARSERS = {
    "audio": ["engine/audio/audio_weights.c", "engine/load/mmproj.c"],
    "boxes": ["src/chat/boxes.c"],
    "decoded": ["src/media/decoded.c"],
    "dump": ["src/media/dump_file.c"],
    "foreign_tools": ["src/agent/foreign_tools.c"],
    "gguf": ["engine/load/gguf.c", "engine/load/gguf_file.c", "engine/load/gguf_keys.c",
             "engine/load/gguf_head.c", "engine/load/hparams.c", "engine/load/vocabulary.c",
             "engine/load/merges.c", "engine/load/name_index.c"],
    "gitignore": ["src/base/gitignore.c", "src/base/glob.c"],
    "grammar": ["src/chat/grammar_schema.c", "src/chat/grammar_json.c", "src/chat/grammar_union.c",
                "src/chat/schema_bounds.c", "src/chat/grammar_graph.c"],
    "hf_folder": ["engine/load/hf_folder.c"],
    "hf_towers": ["engine/load/hf_towers.c"],
    "html_text": ["tools/html_text.c"],
    "http_request": ["src/serve/http_request.c"],
    "import": ["src/chat/import.c", "src/chat/import_lines.c"],
    "json_rpc": ["src/rpc/json_rpc.c"],
    "llm_store": ["src/store/llm_store.c"],
    "mcp": ["tools/mcp_server.c", "tools/frames.c"],
    "models_hub": ["src/models/hub.c"],
    "parse": ["src/chat/parse.c", "src/chat/call_args.c"],
    "picture": ["src/media/picture_file.c"],
    "policy": ["tools/policy.c"],
    "proxy": ["tools/proxy_head.c", "tools/client_hello.c"],
    "remote_stream": ["src/infer/remote_stream.c", "src/infer/remote_responses.c"],
    "render_json": ["src/chat/render_json.c", "src/chat/messages_json.c", "src/chat/turn_json.c",
                    "src/chat/declaration.c"],
    "safetensors": ["engine/load/safetensors_file.c", "engine/load/json_reader.c",
                    "engine/load/hf_config.c", "engine/load/hf_names.c",
                    "engine/load/hf_tokenizer.c"],
    "serve_request": ["src/serve/openai_chat.c", "src/serve/openai_responses.c",
                      "src/serve/ollama.c", "src/serve/media_part.c", "src/serve/task.c",
                      "src/serve/answer.c", "src/serve/stop_text.c"],
    "shell_words": ["src/approval/shell_words.c"],
    "snapshot": ["engine/snapshot.c"],
    "tokenizer": ["engine/load/tokenizer.c"],
    "toml": ["src/config/toml.cpp"],
    "tui_key": ["src/tui/key.c"],
    "vision": ["engine/vision/vision_weights.c"],
    "visible": ["src/base/visible.c", "src/base/utf8.c"],
    "wav": ["src/media/sound_file.c"],
}
CORPUS_GOAL = 90

GROUPS = {
    "store": lambda path: path.startswith("src/store/"),
    "sandbox policy": lambda path: path == "tools/policy.c" or path.startswith("tools/sandbox"),
    "approval": lambda path: path.startswith("src/approval/"),
    "parsers": lambda path: any(path in files for files in PARSERS.values()),
    "sanitiser": lambda path: path in ("src/base/visible.c", "src/base/utf8.c"),
}
GROUP_GOAL = (95, 90)
WHOLE_GOAL = (85, 75)


class File:
    """Which lines and branches can run, and which did; and of which function each line is."""

    def __init__(self):
        self.lines = {}
        self.branches = {}
        self.functions = {}

    def of_entered_functions(self):
        """What of the lines is in functions that were entered at all."""
        entered = {self.functions[number] for number, run in self.lines.items() if run}
        return [run for number, run in self.lines.items() if self.functions[number] in entered]

    def add(self, line):
        number = line["line_number"]
        self.lines[number] = self.lines.get(number, False) or line["count"] > 0
        self.functions[number] = line.get("function_name")
        for index, branch in enumerate(line["branches"]):
            if not branch["throw"]:
                key = (number, index)
                self.branches[key] = self.branches.get(key, False) or branch["count"] > 0


def clear(build):
    for folder, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcda"):
                os.remove(os.path.join(folder, name))


def counted(build, source):
    """File by path, of all that was counted, for the sources of the programs themselves."""
    notes = [os.path.join(folder, name) for folder, _, names in os.walk(build) for name in names
             if name.endswith(".gcno") and os.path.relpath(folder, build).split("/")[0] != "tests"]
    files = collections.defaultdict(File)
    for at in range(0, len(notes), 40):
        text = subprocess.run(["gcov", "-b", "--json-format", "--stdout"] + notes[at:at + 40],
                              cwd=build, check=True, capture_output=True).stdout
        for document in text.splitlines():
            if not document.strip():
                continue
            for found in json.loads(document)["files"]:
                path = os.path.relpath(os.path.join(build, found["file"]), source)
                if path.split("/")[0] in ("src", "engine", "tools"):
                    for line in found["lines"]:
                        files[path].add(line)
    return files


def share(values):
    return 100 * sum(values) / len(values) if values else 100.0


def lines_of(files, chosen):
    return [run for path in chosen for run in files[path].lines.values()]


def branches_of(files, chosen):
    return [run for path in chosen for run in files[path].branches.values()]


def report_corpora(files, missed_lines):
    missed = missed_entered = 0
    print("| Target | File | Lines | Covered | Of the functions that it enters |")
    print("| --- | --- | ---: | ---: | ---: |")
    for target, paths in PARSERS.items():
        for path in paths:
            lines = lines_of(files, [path])
            low = share(lines) < CORPUS_GOAL or not lines
            entered = share(files[path].of_entered_functions())
            missed += low
            missed_entered += entered < CORPUS_GOAL
            print(f"| {target} | `{path}` | {len(lines)} | {share(lines):.1f} % | {entered:.1f} % |")
            if low and missed_lines:
                never = [number for number, run in sorted(files[path].lines.items()) if not run]
                print(f"  never run: {never}")
    print(f"below {CORPUS_GOAL} %: {missed} of {sum(map(len, PARSERS.values()))} files; of the functions "
          f"that are entered: in {missed_entered}")
    return missed


def report_suite(files, missed_lines):
    missed = 0
    print("| What | Lines | Covered | Branches | Taken |\n| --- | ---: | ---: | ---: | ---: |")
    groups = [("all", lambda path: True, WHOLE_GOAL)]
    groups += [(name, holds, GROUP_GOAL) for name, holds in GROUPS.items()]
    for name, holds, goal in groups:
        chosen = [path for path in files if holds(path)]
        lines, branches = lines_of(files, chosen), branches_of(files, chosen)
        missed += share(lines) < goal[0] or share(branches) < goal[1]
        print(f"| {name} | {len(lines)} | {share(lines):.1f} % (goal {goal[0]}) | {len(branches)} | "
              f"{share(branches):.1f} % (goal {goal[1]}) |")
    print("\n| File | Lines | Branches |\n| --- | ---: | ---: |")
    for path in sorted(files, key=lambda path: share(lines_of(files, [path]))):
        lines, branches = lines_of(files, [path]), branches_of(files, [path])
        if share(lines) < GROUP_GOAL[0]:
            print(f"| `{path}` | {share(lines):.1f} % of {len(lines)} | {share(branches):.1f} % |")
            if missed_lines and any(holds(path) for holds in GROUPS.values()):
                never = [number for number, run in sorted(files[path].lines.items()) if not run]
                print(f"  never run: {never}")
    return missed


def main(words):
    missed_lines = "--missed" in words
    words = [word for word in words if word != "--missed"]
    if not words:
        sys.exit(__doc__)
    build = os.path.abspath(words[0])
    source = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if "--corpora" in words:
        clear(build)
        subprocess.run(["meson", "test", "-C", build, "--suite", "fuzz"], check=True,
                       stdout=subprocess.DEVNULL)
        return 1 if report_corpora(counted(build, source), missed_lines) else 0
    if "--counted" not in words:
        clear(build)
        run = subprocess.run(["meson", "test", "-C", build] + words[1:])
        if run.returncode != 0:
            print("some tests failed: what follows is less than the suite", file=sys.stderr)
    return 1 if report_suite(counted(build, source), missed_lines) else 0


sys.exit(main(sys.argv[1:]))
