#!/usr/bin/env python3
"""The layer table of docs/architecture.md as a test: lint.py RULE SOURCE-ROOT [BUILD-ROOT].

RULE is one of: includes, libraries, exports, headers, sizes, format, words, functions. Prints each offence as file:line and exits 1
when there is one.
"""
import os
import re
import subprocess
import sys

ROOT = sys.argv[2]
BUILD = sys.argv[3] if len(sys.argv) > 3 else None
SOURCE = (".c", ".h", ".cpp")

# The engine's public headers.
PUBLIC = ("engine/engine.h", "engine/engine_batch.h", "engine/engine_drafter.h", "engine/engine_media.h")

# Who may include whom: folder -> folders. `engine.h` as a folder name means PUBLIC.
ALL_SRC = {"base", "config", "chat", "store", "infer", "mcp", "rpc", "models", "media", "undo", "desktop", "serve", "voice", "approval", "attachment", "agent"}
MAY = {
    "base": {"base"},
    "engine": {"engine", "base", "media"},
    "tools": {"tools", "base", "prompts", "media"},
    "config": {"config", "base"},
    "chat": {"chat", "base"},
    "store": {"store", "base", "chat"},
    "infer": {"infer", "base", "chat", "engine.h"},
    "mcp": {"mcp", "base"},
    "rpc": {"rpc", "base"},
    "models": {"models", "base"},
    "media": {"media", "base"},
    "serve": {"serve", "base", "chat", "infer", "config", "engine.h"},
    "undo": {"undo", "base"},
    "voice": {"voice", "base", "media"},
    "desktop": {"desktop", "base"},
    "tui": {"tui", "base", "chat", "config"},
    "approval": {"approval", "base", "prompts"},
    "attachment": {"attachment", "base", "chat", "media", "desktop"},
    "agent": ALL_SRC - {"serve", "rpc", "voice"} | {"prompts"},
    "app": ALL_SRC - {"serve", "rpc"} | {"app", "engine.h"},
    "events": {"events", "base", "chat", "agent"},
    "command": ALL_SRC | {"command", "app", "events", "engine.h"},
    "acp": {"acp", "command", "app", "events", "agent", "approval", "base", "chat", "config", "rpc", "store"},
    "screen": ALL_SRC - {"serve", "rpc"} | {"screen", "command", "app", "tui", "prompts"},  # prompts: what /init and /review say for the user
    "main": {"main", "acp", "command", "screen", "app", "base", "config", "store", "tui"},
    "prompts": {"prompts"},
}

# Library headers, and the only places that may include them (a file, or a folder with a slash at its end).
LIBRARIES = {
    r"(curses|ncurses.*|ncursesw/.*|term)\.h": ["src/tui/terminal_curses.c", "src/tui/terminal_device.c", "src/tui/terminal_inline.c"],
    r"uv\.h": ["src/app/", "src/command/", "src/acp/", "src/screen/", "src/agent/toolproc.c", "src/agent/toolproc_self_test.c", "src/agent/agent_clock.c", "src/attachment/decoding.c", "src/agent/hooks.c", "src/agent/child_pipe.c", "src/agent/foreign.c", "src/mcp/", "src/rpc/rpc_link.c", "src/models/", "src/serve/",
                "src/infer/infer_remote.c"],
    r"dlfcn\.h": ["src/base/late.c"],
    r"nettle/.*": ["src/base/hash.h"],
    r"sqlite3\.h": ["src/store/"],
    r"curl/.*": ["src/base/curl_late.c", "src/base/curl_trust.c", "src/base/curl_trust.h", "src/infer/infer_remote.c", "src/models/pull.c", "tools/http_fetch.c"],
    r"libxml/.*": ["tools/html_text.c", "tools/xml_late.c"],
    r"portaudio\.h": ["src/voice/sound_system.c"],
    r"stb_image\.h": ["src/media/picture_file.c"],
    r"stb_image_write\.h": ["src/media/png_write.c"],
    r"jansson\.h": ["src/", "tools/", "prompts/"],
    r"md4c\.h": ["src/tui/markdown.c"],
    r"utf8proc\.h": ["src/tui/"],
    r"toml\+\+/.*": ["src/config/toml.cpp"],
    r"seccomp\.h": ["tools/sandbox_seccomp.c"],
    r"chafa.*": ["src/tui/"],
}

# Exports that do not begin with their file's or folder's name, and why.
EXPORTS = {
    "shell_tools": "tools/tool.h: the families' tables",
    "file_tools": "tools/tool.h: the families' tables",
    "http_tools": "tools/tool.h: the families' tables",
    "main": "a program",
    **dict.fromkeys(("xmlStopParser", "xmlFindCharEncodingHandler", "xmlSwitchToEncoding", "htmlCreateMemoryParserCtxt",
                     "htmlCtxtUseOptions", "htmlParseDocument", "htmlFreeParserCtxt"), "tools/xml_late.h: passed on to libxml2"),
}

# Words that say that something is unfinished, or that speak of anything but the project.
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK|not implemented|for now|placeholder implementation)\b")

# Functions that no line may call, and what is wrong with them.
FUNCTIONS = {
    **dict.fromkeys(("strcpy", "strcat", "sprintf", "vsprintf", "gets", "stpcpy"), "knows no bound; snprintf, memcpy or struct str"),
    **dict.fromkeys(("atoi", "atol", "atoll", "atof"), "tells of no mistake, and is undefined beyond the range; strtol"),
    **dict.fromkeys(("system", "popen"), "goes through a shell; posix_spawn with words"),
    **dict.fromkeys(("mktemp", "tmpnam", "tempnam", "tmpfile"), "a name that another may take first; mkstemp, memfd_create"),
    "alloca": "a size that nobody checks, on the stack",
    **dict.fromkeys(("rand", "srand", "random", "srandom", "drand48", "lrand48"), "can be foretold; getrandom, or a generator with a seed of its own"),
    **dict.fromkeys(("strtok", "asctime", "ctime", "gmtime", "localtime"), "one state for all threads"),
    **dict.fromkeys(("setuid", "seteuid", "vfork", "getwd", "bcopy", "usleep"), "has a successor that says what it does"),
}
UNBOUNDED_SCAN = re.compile(r"scanf\s*\((?:[^\";]|\n)*\"[^\"]*%(l?s|\[)")


def files(*endings):
    for top in ("engine", "tools", "src", "prompts"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith(endings or SOURCE):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def folder_of(path):
    parts = path.split("/")
    if parts[0] != "src":
        return parts[0]
    return parts[1] if len(parts) > 2 else "main"


def includes(path, form):
    for number, line in enumerate(open(os.path.join(ROOT, path)), 1):
        found = re.match(r'\s*#\s*include\s+' + form, line)
        if found:
            yield number, found.group(1)


def target_folder(path, name):
    """The folder that a quoted include reaches, tried as the compiler does; None when it is no file of ours."""
    own = os.path.dirname(path)
    for base in (own, "", "src", "engine" if path.startswith("engine/") else own, "tools" if own == "tools" else own, "prompts"):
        candidate = os.path.normpath(os.path.join(base, name))
        if os.path.exists(os.path.join(ROOT, candidate)):
            return candidate
    return None


def rule_includes():
    for path in files():
        mine = folder_of(path)
        for number, name in includes(path, r'"([^"]+)"'):
            target = target_folder(path, name)
            if target is None:
                yield f"{path}:{number}: \"{name}\" is no header of ours"
                continue
            theirs = folder_of(target)
            if target in PUBLIC and "engine.h" in MAY[mine]:
                continue
            if theirs != mine and theirs not in MAY[mine]:
                yield f"{path}:{number}: {mine} may not include {theirs} ({name})"


def rule_libraries():
    for path in files():
        for number, name in includes(path, r"<([^>]+)>"):
            for pattern, places in LIBRARIES.items():
                if re.fullmatch(pattern, name) and not any(
                        path == place or (place.endswith("/") and path.startswith(place)) for place in places):
                    yield f"{path}:{number}: <{name}> belongs in {', '.join(places)}"


def rule_exports():
    seen = 0
    for folder, _, names in os.walk(BUILD):
        for name in names:
            source = re.fullmatch(r"(.*)\.c\.o", name)
            relative = os.path.relpath(folder, BUILD)
            if not source or not re.match(r"(engine|tools|src)\b", relative) or ".p" not in relative:
                continue
            stem = source.group(1).split("_.._")[-1]
            own = re.sub(r"^(vision|audio)_", "", stem)  # audio/audio_encoder.c is not audio/encoder.c
            stem = re.sub(r"^((load|text|compute|vision|audio|app|src|x86|arm)_)+", "", stem)
            folders = [part for part in relative.split("/") if not part.endswith(".p")]
            bare = re.sub(r"_(rows|x86|arm|scalar|table|avx2|avx512|neon|local|script)$", "", stem)
            prefixes = set(folders) | {own, stem, bare, stem.rstrip("s"), stem.split("_")[0]}
            output = subprocess.run(["nm", "--extern-only", "--defined-only", os.path.join(folder, name)],
                                    capture_output=True, text=True, check=True).stdout
            for line in output.splitlines():
                symbol = line.split()[-1]
                seen += 1
                if symbol.startswith(("__", "_Z", ".")) or symbol in EXPORTS:
                    continue
                if not any(symbol == p or symbol.startswith(p + "_") for p in prefixes):
                    yield f"{relative}/{name}: exports {symbol}, which begins with none of {sorted(prefixes)}"
    if seen == 0:
        yield f"{BUILD}: no object files found"


def rule_headers():
    for path in files(".h"):
        command = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c",
                   "-I" + ROOT, "-I" + ROOT + "/src", "-I" + ROOT + "/prompts"]
        if path.startswith("engine/"):
            command.append("-I" + ROOT + "/engine")
        if path.startswith("tools/"):
            command.append("-I" + ROOT + "/tools")
        # -include of itself twice: it must stand alone and bear being included again.
        source = f'#include "{ROOT}/{path}"\n#include "{ROOT}/{path}"\ntypedef int not_empty;\n'
        run = subprocess.run(command + ["-"], input=source, capture_output=True, text=True)
        if run.returncode != 0:
            yield f"{path}: does not compile alone: {run.stderr.splitlines()[0] if run.stderr else ''}"


def rule_sizes():
    for path in files():
        lines = open(os.path.join(ROOT, path)).read().split("\n")
        if len(lines) > 801:
            yield f"{path}: {len(lines) - 1} lines, more than 800"
        for number, line in enumerate(lines, 1):
            if len(line) > 100:
                yield f"{path}:{number}: {len(line)} columns, more than 100"
        if path in PUBLIC and len(lines) > 251:
            yield f"{path}: {len(lines) - 1} lines, more than 250"
        if re.search(r"(^|/|_)(utils?|misc|common|helpers?)[._]", path):
            yield f"{path}: a name that says nothing"
        if path.endswith((".c", ".h")) and not "\n".join(lines).lstrip().startswith(("/*", "#include \"")):
            yield f"{path}: does not begin with what it is for"
    for folder, _, names in os.walk(os.path.join(ROOT, "tests")):
        for name in names:
            if name.endswith(SOURCE):
                count = sum(1 for _ in open(os.path.join(folder, name)))
                if count > 800:
                    yield f"{os.path.relpath(os.path.join(folder, name), ROOT)}: {count} lines, more than 800"


def rule_format():
    paths = [os.path.join(ROOT, path) for path in files(".c", ".h", ".cpp")]
    run = subprocess.run(["clang-format-14", "--dry-run", "--Werror"] + paths, capture_output=True, text=True)
    wrong = {line.split(":")[0] for line in run.stderr.splitlines() if "[-Wclang-format-violations]" in line}
    for path in sorted(wrong):
        yield f"{os.path.relpath(path, ROOT)}: not as clang-format-14 would lay it out"
    if run.returncode != 0 and not wrong:
        yield f"clang-format-14: {run.stderr[:300]}"


def rule_words():
    for path in files():
        for number, line in enumerate(open(os.path.join(ROOT, path)), 1):
            if WORDS.search(line):
                yield f"{path}:{number}: {line.strip()[:80]}"


def without_text(source):
    """The source without comments and strings, line for line."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, source, flags=re.DOTALL)


def rule_functions():
    call = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(FUNCTIONS))
    for path in files():
        source = open(os.path.join(ROOT, path)).read()
        for found in call.finditer(without_text(source)):
            yield f"{path}:{source.count(chr(10), 0, found.start()) + 1}: {found.group(1)}: {FUNCTIONS[found.group(1)]}"
        for found in UNBOUNDED_SCAN.finditer(source):
            yield f"{path}:{source.count(chr(10), 0, found.start()) + 1}: a scan of a text without a width"


offences = list(globals()["rule_" + sys.argv[1]]())
for offence in offences:
    print(offence)
sys.exit(1 if offences else 0)
