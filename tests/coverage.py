#!/usr/bin/env python3
"""How much of the code the tests run, by gcov.

    coverage.py BUILD [MESON-TEST-OPTIONS...]   the test suite: lines and branches of everything
    coverage.py BUILD --more [OPTIONS...]       the same, added to what was counted by runs before
    coverage.py BUILD --counted     only the tables of what was counted by runs before
    coverage.py BUILD --corpora     each fuzz target over its corpus: lines of each parser's files
    ... --missed                    with the numbers of the lines that never ran

BUILD is made where there is none: gcc, -O0, with coverage_inside.c in every program, so that what
runs in the sandbox is counted, too. A line or branch counts as run when it was run in any program.
Not counted as branches: edges of exceptions, and those of lines that begin with assert(. What a
process ran that was killed is not counted: it wrote nothing.

Ends with 1 when a share is below LEAST, which is what was reached when it was last written down
(docs/security.md); the goals stand beside it.
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
    "rules": ["src/approval/path_rule.c", "src/approval/url_rule.c"],
    "safetensors": ["engine/load/safetensors_file.c", "engine/load/json_reader.c",
                    "engine/load/hf_config.c", "engine/load/hf_names.c",
                    "engine/load/hf_tokenizer.c"],
    "serve_request": ["src/serve/openai_chat.c", "src/serve/openai_responses.c",
                      "src/serve/ollama.c", "src/serve/media_part.c", "src/serve/task.c",
                      "src/serve/answer.c", "src/serve/stop_text.c"],
    "shell_words": ["src/approval/shell_words.c"],
    "skill_file": ["src/agent/skill_file.c"],
    "snapshot": ["engine/snapshot.c"],
    "tokenizer": ["engine/load/tokenizer.c"],
    "toml": ["src/config/toml.cpp"],
    "tui_key": ["src/tui/key.c"],
    "vision": ["engine/vision/vision_weights.c"],
    "visible": ["src/base/visible.c", "src/base/utf8.c"],
    "wav": ["src/media/sound_file.c"],
    "words": ["src/store/words.c"],
}
CORPUS_GOAL = 90

TABLE, TABLE_SIZE = "coverage_inside.table", 1 << 19  # see coverage_inside.c

GROUPS = {
    "store": lambda path: path.startswith("src/store/"),
    "sandbox policy": lambda path: path in ("tools/policy.c", "tools/http_hosts.c",
                                            "tools/workspace.c"),
    "sandbox layers": lambda path: path.startswith("tools/sandbox"),
    "approval": lambda path: path.startswith("src/approval/"),
    "parsers": lambda path: any(path in files for files in PARSERS.values()),
    "sanitiser": lambda path: path in ("src/base/visible.c", "src/base/utf8.c"),
}
GROUP_GOAL = (95, 90)
WHOLE_GOAL = (85, 75)

# Lines and branches, in whole per cent of what was reached.
LEAST = {
    "all": (90, 81),
    "store": (99, 94),
    "sandbox policy": (97, 90),
    "sandbox layers": (85, 58),
    "approval": (99, 93),
    "parsers": (97, 90),
    "sanitiser": (100, 99),
}


def asserted(source, path):
    """Numbers of the lines that only assert."""
    with open(os.path.join(source, path)) as text:
        return {number for number, line in enumerate(text, 1) if line.lstrip().startswith("assert(")}


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
    with open(os.path.join(build, TABLE), "wb") as table:
        table.truncate(TABLE_SIZE)


def make(build, source):
    """Sets the build up where there is none, with coverage_inside.c in every program."""
    if os.path.exists(os.path.join(build, "build.ninja")):
        return
    os.makedirs(build, exist_ok=True)
    linked = os.path.join(build, "coverage_inside.o")
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-c", "-o", linked,
                    os.path.join(source, "tests", "coverage_inside.c")], check=True)
    words = str([linked, "-lgcov"] + ["-Wl,--wrap=" + name for name in ("_exit", "execv", "execvp")])
    subprocess.run(["meson", "setup", build, source, "-Db_coverage=true", "-Dbuildtype=debug",
                    "-Dc_link_args=" + words, "-Dcpp_link_args=" + words],
                   env=dict(os.environ, CC="gcc", CXX="g++"), check=True)


def run_tests(build, words):
    """True when all passed. What ran inside is added to gcov's files."""
    env = dict(os.environ, CARAT_COVERAGE=os.path.join(build, TABLE))
    passed = subprocess.run(["meson", "test", "-C", build, "-t", "6"] + words, env=env).returncode == 0
    subprocess.run(["ninja", "-C", build, "carat-tool"], check=True)
    subprocess.run([os.path.join(build, "carat-tool")], env=dict(env, CARAT_COVERAGE_TAKE="1"),
                   check=True)
    return passed


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
    for path, file in files.items():
        only = asserted(source, path)
        file.branches = {key: run for key, run in file.branches.items() if key[0] not in only}
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


def row(name, files, chosen, remark=""):
    lines, branches = lines_of(files, chosen), branches_of(files, chosen)
    print(f"| {name} | {len(lines)} | {share(lines):.1f} % | {len(branches)} | "
          f"{share(branches):.1f} % |{remark}")
    return share(lines), share(branches)


def report_suite(files, missed_lines):
    missed = []
    print("| What | Lines | Run | Branches | Taken | Goal | Least |")
    print("| --- | ---: | ---: | ---: | ---: | --- | --- |")
    groups = [("all", lambda path: True, WHOLE_GOAL)]
    groups += [(name, holds, GROUP_GOAL) for name, holds in GROUPS.items()]
    for name, holds, goal in groups:
        least = LEAST[name]
        found = row(name, files, [path for path in files if holds(path)],
                    f" {goal[0]}, {goal[1]} | {least[0]}, {least[1]} |")
        missed += [name] if found[0] < least[0] or found[1] < least[1] else []
    print("\n| Folder | Lines | Run | Branches | Taken |\n| --- | ---: | ---: | ---: | ---: |")
    for folder in sorted({os.path.dirname(path) for path in files}):
        row(folder, files, [path for path in files if os.path.dirname(path) == folder])
    print("\n| File | Lines | Run | Branches | Taken |\n| --- | ---: | ---: | ---: | ---: |")
    for path in sorted(files, key=lambda path: share(lines_of(files, [path]))):
        if share(lines_of(files, [path])) < GROUP_GOAL[0]:
            row(f"`{path}`", files, [path])
            if missed_lines and any(holds(path) for holds in GROUPS.values()):
                never = [number for number, run in sorted(files[path].lines.items()) if not run]
                print(f"  never run: {never}")
    if missed:
        print(f"\nless than there was: {', '.join(missed)}")
    return bool(missed)


def main(words):
    missed_lines = "--missed" in words
    words = [word for word in words if word != "--missed"]
    if not words:
        sys.exit(__doc__)
    build = os.path.abspath(words[0])
    source = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    make(build, source)
    if "--corpora" in words:
        clear(build)
        if not run_tests(build, ["--suite", "fuzz"]):
            sys.exit("a corpus fails")
        return 1 if report_corpora(counted(build, source), missed_lines) else 0
    if "--counted" not in words:
        if "--more" not in words:
            clear(build)
        if not run_tests(build, [word for word in words[1:] if word != "--more"]):
            print("some tests failed: what follows is less than the suite", file=sys.stderr)
    return 1 if report_suite(counted(build, source), missed_lines) else 0


sys.exit(main(sys.argv[1:]))
