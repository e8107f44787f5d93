#!/usr/bin/env python3
"""Do the tests notice when the code is wrong? Small mistakes are made, one at a time, and counted.

    mutants.py [--count N] [--seed S] [--folder F] [--after LOG] [MODULE...]

Works on a copy of the committed and present files in F (a temporary folder otherwise), built with
AddressSanitizer and UndefinedBehaviorSanitizer, so the working tree is never touched. A mutant is a
comparison moved by one or turned round, a condition dropped or negated, an "and" for an "or", a one
left out of a sum, a true for a false. It is killed when a test of its module fails, crashes or does
not end; what does not compile is not counted. The tests run quickest first, each is built only when
the ones before it let the mutant live, and one that the mutant is not in does not run. The same
seed takes the same mutants, as long as the files are the same.

With --after, a mutant that the output of a run before says was killed is not made again: for runs
after tests were added, as long as none was taken away.

Survivors are printed with their line and what became of it. One that makes no difference to what
the program does is no mistake: those stand in EQUIVALENT with the reason, and are not counted.

Ends with 1 when a module is below 80 %.
"""
import argparse
import filecmp
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# Sources, and the quick tests that are theirs.
MODULES = {
    "store": (["src/store/branch_rows.c", "src/store/call_rows.c", "src/store/check.c",
               "src/store/compaction_rows.c", "src/store/conversation_rows.c",
               "src/store/growth_rows.c", "src/store/llm_store.c", "src/store/message_body.c",
               "src/store/message_load.c", "src/store/message_rows.c", "src/store/opening_rows.c",
               "src/store/query.c", "src/store/result_rows.c",
               "src/store/row_hash.c", "src/store/schema.c", "src/store/search_rows.c",
               "src/store/words.c"],
              ["store_rows", "store_growth", "store_lasting", "store_schema", "store_check",
               "store_llm_store", "store_body", "store_unusual", "store_interrupted", "store_errors",
               "store_openings", "store_parts", "store_query", "fuzz_llm_store"]),
    "sandbox policy": (["tools/policy.c", "tools/http_hosts.c", "tools/workspace.c"],
                       ["tools_policy", "tools_http_hosts", "tools_workspace",
                        "tools_file_tools", "fuzz_policy"]),
    "approval": (["src/approval/approval.c", "src/approval/command_network.c",
                  "src/approval/command_traps.c", "src/approval/launch_points.c",
                  "src/approval/path_rule.c", "src/approval/path_spelling.c", "src/approval/shell_rule.c",
                  "src/approval/shell_words.c", "src/approval/tool_limit.c",
                  "src/approval/tool_names.c", "src/approval/toolset.c", "src/approval/url_rule.c"],
                 ["approval_approval", "approval_patterns", "approval_commands", "approval_denials", "approval_launch_points",
                  "approval_programs", "approval_network",
                  "approval_words", "approval_tool_limit", "approval_tool_names", "agent_toolset",
                  "fuzz_rules", "fuzz_shell_words"]),
    "parsers": (["src/chat/parse.c", "src/chat/call_args.c", "src/rpc/json_rpc.c",
                 "src/serve/http_request.c", "tools/proxy_head.c", "tools/client_hello.c",
                 "src/base/gitignore.c", "src/media/decoded.c", "src/media/dump_file.c"],
                ["chat_parse", "rpc_json_rpc", "serve_http_request", "tools_proxy",
                 "tools_proxy_head", "tools_gitignore", "media_decoded", "media_dump_file", "fuzz_parse", "fuzz_json_rpc",
                 "fuzz_http_request", "fuzz_proxy", "fuzz_gitignore", "fuzz_decoded", "fuzz_dump"]),
    "sanitiser": (["src/base/visible.c", "src/base/utf8.c"],
                  ["base_visible", "base_utf8", "fuzz_visible"]),
}
GOAL = 80
LARGEST_FILE = 1 << 30  # of what a mutant writes
LARGEST_MEMORY = 3000   # MiB, of a mutant that takes without end

# (file, line as it stands, line of the mutant): why the program does the same.
EQUIVALENT = {
    ("src/chat/parse.c", "while (parser->partial_length > 0 && length > 0) {",
     "while (parser->partial_length >= 0 && length > 0) {"):
        "every byte goes the way of those that complete a character: the same text, slower",
    ("src/store/branch_rows.c",
     "struct branch branch = {.id = id, .made = made, .keep = keep < 0 ? 0 : keep};",
     "struct branch branch = {.id = id, .made = made, .keep = keep <= 0 ? 0 : keep};"):
        "0 for 0",
    ("src/store/message_body.c",
     "message->tokens = mem_alloc(message->token_count + 1, sizeof *message->tokens);",
     "message->tokens = mem_alloc(message->token_count, sizeof *message->tokens);"):
        "of no tokens mem_alloc gives a block too, and nothing of it is read",
    ("src/store/search_rows.c", "} while (*left && clock_monotonic_us() < end);",
     "} while (*left && clock_monotonic_us() <= end);"):
        "a microsecond more or less of idle work",
    ("src/store/result_rows.c", "left < PIECE_SIZE ? left : PIECE_SIZE, err);",
     "left <= PIECE_SIZE ? left : PIECE_SIZE, err);"):
        "where they differ, both are PIECE_SIZE",
    ("src/store/message_load.c",
     "if ((waiting->count == WAITING_ROWS || waiting->used > WAITING_BYTES / 2) &&",
     "if ((waiting->count == WAITING_ROWS || waiting->used >= WAITING_BYTES / 2) &&"):
        "those that wait are compared one message earlier",
    ("tools/workspace.c", "if (!ok && fd >= 0) {", "if (!ok || fd >= 0) {"):
        "takes away a name of 16 random digits that nothing bears: put in its place, or never made",
    ("tools/policy.c", "if (got < 0) {", "if (got <= 0) {"):
        "zero bytes are the end of the text, and have returned three lines before",
    ("tools/http_hosts.c", "} else if (length > 1 && text[length - 1] == '.') {",
     "} else if (length >= 1 && text[length - 1] == '.') {"):
        "of one byte it is a dot alone: refused without it as empty, with it as a dot at the start",
}

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
    """What is in F already and differs gets a new time, or ninja would keep what was made of it."""
    source = os.path.join(HERE, "..")
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=source, check=True, capture_output=True, text=True).stdout.split("\n")
    for name in filter(None, names):
        old, new = os.path.join(source, name), os.path.join(folder, name)
        if os.path.exists(old) and not (os.path.exists(new) and filecmp.cmp(old, new, False)):
            os.makedirs(os.path.dirname(new), exist_ok=True)
            shutil.copyfile(old, new)
            shutil.copymode(old, new)


class Build:
    def __init__(self, folder):
        self.folder = folder
        self.build = os.path.join(folder, "build-mutants")
        if not os.path.exists(os.path.join(self.build, "build.ninja")):
            subprocess.run(["meson", "setup", self.build, "-Dbuildtype=debug", "-Db_lundef=false",
                            "-Db_sanitize=address,undefined"], cwd=folder, check=True,
                           env=dict(os.environ, CC="clang", CXX="clang++"), stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", self.build, "build.ninja"], check=True,
                       stdout=subprocess.DEVNULL)
        listed = json.loads(subprocess.run(["meson", "introspect", self.build, "--tests"], check=True,
                                           capture_output=True).stdout)
        self.tests = {test["name"]: test for test in listed}

    def program(self, name):
        return os.path.join(self.build, self.tests[name]["cmd"][0])

    def make(self, names):
        targets = [os.path.relpath(self.program(name), self.build) for name in names]
        return subprocess.run(["ninja", "-C", self.build, "-j2"] + targets, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def passes(self, name, patience):
        """True, or False, or None when it had not ended after so many seconds."""
        test = self.tests[name]
        env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1",
                   ASAN_OPTIONS=f"detect_leaks=0:hard_rss_limit_mb={LARGEST_MEMORY}", **test["env"])
        process = subprocess.Popen(
            test["cmd"], cwd=test["workdir"] or self.build, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE)))
        try:
            return process.wait(patience) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None

    def timed(self, names):
        """(name, seconds) of each test, quickest first; ends everything when one fails as it is."""
        made = self.make(names)
        if made.returncode != 0:
            sys.exit(made.stdout[-3000:])
        found = []
        for name in names:
            start = time.monotonic()
            if not self.passes(name, 300):
                sys.exit(f"{name} fails without any mutant")
            found.append((name, time.monotonic() - start))
        return sorted(found, key=lambda test: test[1])

    def sources(self, name):
        """What the test's program is made of, as paths from the folder."""
        program = os.path.relpath(self.program(name), self.build)
        inputs = subprocess.run(["ninja", "-C", self.build, "-t", "inputs", program], check=True,
                                capture_output=True, text=True).stdout.split("\n")
        return {path[len("../"):] for path in inputs if path.startswith("../")}

    def killer(self, tests):
        """The first test that fails with what is in the files now; "" when none does, None when
        it does not compile."""
        for name, seconds in tests:
            if self.make([name]).returncode != 0:
                return None
            passed = self.passes(name, 30 + 10 * seconds)
            if not passed:
                return name + (" (never ended)" if passed is None else "")
        return ""


def killed_before(log):
    """{"path:line: the mutant's line": what killed it} out of a run's output."""
    if log is None:
        return {}
    with open(log) as lines:
        found = [re.match(r"killed by (.*?): ([^ ]*:\d+: .*)", line) for line in lines]
    return {match[2]: match[1] for match in found if match}


def try_module(build, name, count, seed, before):
    """(tried, killed, survivors, equivalent ones)"""
    sources, names = MODULES[name]
    tests = build.timed(names)
    made_of = {test: build.sources(test) for test in names}
    texts = {path: open(os.path.join(build.folder, path)).read() for path in sources}
    choice = [(path, place) for path in sources for place in places(texts[path])]
    random.Random(f"{seed} {name}").shuffle(choice)
    tried, killed, survivors, equivalent = 0, 0, [], []
    for path, place in choice:
        if tried == count:
            break
        full = os.path.join(build.folder, path)
        mutant = apply(texts[path], place)
        was, now = (text.split("\n")[place[0]].strip() for text in (texts[path], mutant))
        if (path, was, now) in EQUIVALENT:
            equivalent.append((path, place[0] + 1, was, now))
            continue
        place_of = f"{path}:{place[0] + 1}: {now}"
        if place_of in before:
            tried += 1
            killed += 1
            print(f"killed by {before[place_of]}: {place_of}", flush=True)
            continue
        with open(full, "w") as out:
            out.write(mutant)
        try:
            by = build.killer([test for test in tests if path in made_of[test[0]]])
        finally:
            with open(full, "w") as out:
                out.write(texts[path])
        if by is None:
            continue
        tried += 1
        killed += by != ""
        print(f"{'killed by ' + by if by else 'SURVIVED'}: {place_of}", flush=True)
        if by == "":
            survivors.append((path, place[0] + 1, was, now))
    return tried, killed, survivors, equivalent


def report(rows, seed):
    print(f"\nseed {seed}\n\n| Module | Tried | Killed | Share | Survivors |")
    print("| --- | ---: | ---: | ---: | --- |")
    for name, (tried, killed, survivors, _) in rows:
        places_left = ", ".join(f"`{path}:{line}`" for path, line, _, _ in survivors) or "none"
        print(f"| {name} | {tried} | {killed} | {100 * killed / max(tried, 1):.0f} % | {places_left} |")
    tried, killed = (sum(row[index] for _, row in rows) for index in (0, 1))
    print(f"| all | {tried} | {killed} | {100 * killed / max(tried, 1):.0f} % | |")
    for kind, index in (("Survivors", 2), ("Equivalent, not counted", 3)):
        print(f"\n{kind}:" if any(row[index] for _, row in rows) else f"\n{kind}: none")
        for _, row in rows:
            for path, line, was, now in row[index]:
                print(f"  {path}:{line}\n    was  {was}\n    now  {now}")
                if index == 3:
                    print(f"    {EQUIVALENT[path, was, now]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--count", type=int, default=30, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    parser.add_argument("--after", metavar="LOG")
    options = parser.parse_intermixed_args()
    folder = options.folder or tempfile.mkdtemp(prefix="carat-mutants-")
    copy_tree(folder)
    build = Build(folder)
    before = killed_before(options.after)
    rows = [(name, try_module(build, name, options.count, options.seed, before))
            for name in options.modules or MODULES]
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    report(rows, options.seed)
    return 1 if any(100 * row[1] < GOAL * row[0] or row[0] == 0 for _, row in rows) else 0


sys.exit(main())
