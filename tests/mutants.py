#!/usr/bin/env python3
"""Do the tests notice when the code is wrong? Small mistakes are made, one at a time, and counted.

    mutants.py [--count N] [--seed S] [--folder F] [MODULE...]

Works on a copy of the committed and present files in F (a temporary folder otherwise), built with
AddressSanitizer and UndefinedBehaviorSanitizer, so the working tree is never touched. A mutant is a
comparison moved by one or turned round, a condition dropped or negated, an "and" for an "or", a one
left out of a sum, a true for a false. It is killed when a test of its module fails, crashes or does
not end; what does not compile is not counted. Survivors are printed with their line. Some are no
mistakes at all (the program does the same), and nobody can tell which without looking.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# Sources, and the quick tests that are theirs.
MODULES = {
    "store": (["src/store/message_rows.c", "src/store/conversation_rows.c", "src/store/branch_rows.c",
               "src/store/call_rows.c", "src/store/check.c", "src/store/row_hash.c",
               "src/store/message_body.c", "src/store/search_rows.c", "src/store/schema.c",
               "src/store/llm_store.c"],
              ["store_rows", "store_lasting", "store_schema", "fuzz_llm_store"]),
    "sandbox policy": (["tools/policy.c", "tools/http_hosts.c", "tools/workspace.c"],
                       ["tools_policy", "tools_http_hosts", "tools_workspace", "fuzz_policy"]),
    "approval": (["src/approval/approval.c", "src/approval/command_traps.c",
                  "src/approval/path_rule.c", "src/approval/shell_rule.c",
                  "src/approval/shell_words.c", "src/approval/launch_points.c"],
                 ["approval_approval", "approval_commands", "fuzz_shell_words"]),
    "parsers": (["src/chat/parse.c", "src/chat/call_args.c", "src/rpc/json_rpc.c",
                 "src/serve/http_request.c", "tools/proxy_head.c", "tools/client_hello.c",
                 "src/base/gitignore.c", "src/media/decoded.c", "src/media/dump_file.c"],
                ["chat_parse", "rpc_json_rpc", "serve_http_request", "tools_proxy",
                 "tools_gitignore", "media_decoded", "fuzz_parse", "fuzz_json_rpc",
                 "fuzz_http_request", "fuzz_proxy", "fuzz_decoded", "fuzz_dump"]),
    "sanitiser": (["src/base/visible.c", "src/base/utf8.c"],
                  ["base_visible", "base_utf8", "fuzz_visible"]),
}
PATIENCE = 120

# What is looked for in a line, and what it becomes. clang-format's blanks keep these apart from
# pointers, templates and includes.
CHANGES = [
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
    (r" \+ 1\b", ""), (r" - 1\b", ""),
    (r"\breturn true;", "return false;"), (r"\breturn false;", "return true;"),
    (r"\bif \((?=.*\) \{$)", "if (!("), (r"\bif \((?=.*\) \{$)", "if (false && ("),
]


def places(text):
    """(line, start, end, replacement) of every mistake that could be made."""
    found, comment = [], False
    for number, line in enumerate(text.split("\n")):
        code = line.lstrip()
        if comment or code.startswith(("/*", "*", "//", "#", "static_assert", "assert(")):
            comment = (comment or code.startswith("/*")) and "*/" not in line
            continue
        # Not inside of strings.
        bare = re.sub(r'"(?:\\.|[^"\\])*"', lambda text: "_" * len(text.group()), line)
        for pattern, new in CHANGES:
            for match in re.finditer(pattern, bare):
                found.append((number, match.start(), match.end(), new))
    return found


def apply(text, place):
    number, start, end, new = place
    lines = text.split("\n")
    line = lines[number][:start] + new + lines[number][end:]
    if new.startswith("if ("):
        line = line[: line.rindex(") {")] + ")) {"
    lines[number] = line
    return "\n".join(lines)


def copy_tree(folder):
    source = os.path.join(HERE, "..")
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=source, check=True, capture_output=True, text=True).stdout.split("\n")
    for name in filter(None, names):
        if os.path.exists(os.path.join(source, name)):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy2(os.path.join(source, name), os.path.join(folder, name))


class Build:
    def __init__(self, folder):
        self.folder = folder
        self.build = os.path.join(folder, "build-mutants")
        if not os.path.exists(os.path.join(self.build, "build.ninja")):
            subprocess.run(["meson", "setup", self.build, "-Dbuildtype=debug", "-Db_lundef=false",
                            "-Db_sanitize=address,undefined"], cwd=folder, check=True,
                           env=dict(os.environ, CC="clang", CXX="clang++"), stdout=subprocess.DEVNULL)
        listed = json.loads(subprocess.run(["meson", "introspect", self.build, "--tests"], check=True,
                                           capture_output=True).stdout)
        self.tests = {test["name"]: test for test in listed}

    def make(self, names):
        targets = [os.path.relpath(os.path.join(self.build, self.tests[name]["cmd"][0]), self.build)
                   for name in names]
        return subprocess.run(["ninja", "-C", self.build, "-j2"] + targets, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def failing(self, names):
        """The first test that fails, or None."""
        for name in names:
            test = self.tests[name]
            env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_leaks=0",
                       **test["env"])
            process = subprocess.Popen(test["cmd"], cwd=test["workdir"] or self.build, env=env,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                if process.wait(PATIENCE) != 0:
                    return name
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return name + " (never ended)"
        return None


def try_module(build, name, count, seed):
    sources, tests = MODULES[name]
    made = build.make(tests)
    if made.returncode != 0:
        sys.exit(made.stdout[-3000:])
    failing = build.failing(tests)
    if failing is not None:
        sys.exit(f"{name}: {failing} fails without any mutant")
    texts = {path: open(os.path.join(build.folder, path)).read() for path in sources}
    choice = [(path, place) for path in sources for place in places(texts[path])]
    random.Random(seed).shuffle(choice)
    killed, tried, survivors = 0, 0, []
    for path, place in choice:
        if tried == count:
            break
        full = os.path.join(build.folder, path)
        mutant = apply(texts[path], place)
        with open(full, "w") as out:
            out.write(mutant)
        try:
            if build.make(tests).returncode != 0:
                continue
            tried += 1
            by = build.failing(tests)
        finally:
            with open(full, "w") as out:
                out.write(texts[path])
        killed += by is not None
        line = mutant.split("\n")[place[0]].strip()
        print(f"{'killed by ' + by if by else 'SURVIVED'}: {path}:{place[0] + 1}: {line}", flush=True)
        if by is None:
            survivors.append(path)
    return killed, tried


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--count", type=int, default=24, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    options = parser.parse_intermixed_args()
    folder = options.folder or tempfile.mkdtemp(prefix="carat-mutants-")
    copy_tree(folder)
    build = Build(folder)
    rows = []
    for name in options.modules or MODULES:
        rows.append((name,) + try_module(build, name, options.count, options.seed))
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    print("| Module | Killed | Tried |\n| --- | ---: | ---: |")
    for name, killed, tried in rows:
        print(f"| {name} | {killed} | {tried} |")
    killed, tried = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"killed {killed} of {tried}, {100 * killed / max(tried, 1):.0f} %")
    return 0 if 100 * killed >= 80 * tried and tried > 0 else 1


sys.exit(main())
