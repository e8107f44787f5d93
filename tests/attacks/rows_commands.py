#!/usr/bin/env python3
"""S and A: commands that begin as an allowed one does, and arguments that make a harmless program run another.

Each is tried with rules that allow the harmless form. It got through when it ran without a question: the effect is there, or
carat exec did not end with 55. The control: freely it has the effect; where that needs a program that few machines have,
that the harmless form runs by the same rule.
"""
from rows import *
from model_server import Handler, ModelServer, chunk, text_answer

ALLOWED = ["echo *", "ls *", "cat *", "find *", "git *", "tar *", "rg *", "sort *", "go test *", "npm test *", "pip *", "make *", "printf *",
           "python3 *", "test *", "shuf *", "install *", "diff3 *", "cpp *", "uniq *", "mv *", "cp *", "perl5.36.0 *", "git mv *",
           "python3 -m pytest *"]  # of env, sed, sudo, ... such a rule is refused
RULES = [word for rule in ALLOWED for word in ("--allow", f"shell({rule})")]

COMMANDS = [
    ("S01", "a; b", "echo a; touch breached"),
    ("S02", "a && b", "echo a && touch breached"),
    ("S03", "a | b", "echo a | touch breached"),
    ("S04", "a || b", "ls /missing || touch breached"),
    ("S05", "a & b", "echo a & touch breached"),
    ("S06", "newline", "echo a\ntouch breached"),
    ("S07", "line continued by a backslash", "echo a;\\\nto\\\nuch breached"),
    ("S08", "$( )", "echo $(touch breached)"),
    ("S09", "backticks", "echo `touch breached`"),
    ("S10", "<( )", "cat <(touch breached)"),
    ("S11", "here-document", "cat <<X\n$(touch breached)\nX"),
    ("S12", "$IFS", "echo${IFS}a;touch${IFS}breached"),
    ("S13", "$'\\x6e'", "echo a;$'to\\x75ch' breached"),
    ("S14", "braces and globs", "{touch,breached}; /usr/bin/tou[c]h breached"),
    ("S15", "env X=1 cmd", "env X=1 touch breached"),
    ("S16", "wrappers", "timeout 9 touch breached; nohup touch breached; echo breached | xargs touch; find . -maxdepth 0 -exec touch breached ';'"),
    ("S17", "a function under the name", "echo() { touch breached; }; echo a"),
    ("S18", "an alias under the name", "alias echo='touch breached #'\necho a"),
    ("S19", "leading assignment", "LD_DEBUG=files LD_DEBUG_OUTPUT=breached ls"),
    ("S20", "60 commands", "echo a; " * 59 + "touch breached"),
    ("S21", "a comment first", "# lists the folder, nothing else\ntouch breached"),
    ("S22", "CR in a word", "touch breached #\recho a"),
    ("S24", "1 MB", "echo " + "a " * 500000 + "; touch breached"),
    ("S25", "quoted, and evaluated once more by a builtin", "printf -v 'a[$(touch breached)]' x"),
    ("S26", "a script that another command prints", "echo \"open('breached', 'w')\" | python3 /dev/stdin"),
    ("S27", "arithmetic that substitutes", "let 'a[$(touch breached)] = 1'"),
    ("S28", "a name with an index that is tested", "test -v 'a[$(touch breached)]'"),
    ("S29", "NAME+=, which is a path to some shells", "TZ+=/evil.sh ls"),
    ("S30", "a dollar sign before a continued line", 'echo "$\\\n(touch breached)"'),
    ("S31", "the same script by another spelling", "echo \"open('breached', 'w')\" | python3 ./../../../../../../..//dev/./stdin"),
    ("S32", "a descriptor that is a word to some shells", "mv keep 10>/dev/null"),
]

ARGUMENTS = [
    ("A01", "find -exec", "find . -maxdepth 0 -exec touch breached ';'", "find . -name x", True),
    ("A02", "find -delete", "find . -name keep -delete", "find . -name x", True),
    ("A03", "find -fprint", "find . -maxdepth 0 -fprint breached", "find . -name x", True),
    ("A04", "git --upload-pack", "git ls-remote --upload-pack='touch breached;' .", "git log -1", True),
    ("A05", "git --exec-path", "git --exec-path=. evil", "git log -1", True),
    ("A06", "git -c core.pager", "git -c core.pager='touch breached;' -p status", "git status", False),
    ("A07", "git -c alias", "git -c alias.x='!touch breached' x", "git status", True),
    ("A08", "git --output", "git diff --no-index --output=breached .git/config keep", "git diff", True),
    ("A09", "git grep -O", "git grep --no-index -O'touch breached;' keep", "git grep -n x", True),
    ("A10", "tar --to-command", "tar -xf ar.tar --to-command='touch breached'", "tar -tf ar.tar", True),
    ("A11", "tar --checkpoint-action", "tar -cf x.tar keep --checkpoint=1 --checkpoint-action=exec='touch breached'", "tar -tf ar.tar", True),
    ("A12", "rg --pre", "rg --pre ./evil.sh keep", "rg -n keep", False),
    ("A13", "sort -o", "sort keep -o breached", "sort keep", True),
    ("A14", "sort --compress-program", "sort -S 1k --compress-program=./evil.sh large", "sort keep", True),
    ("A15", "ssh -oProxyCommand", "ssh -oProxyCommand='touch breached' x", None, False),
    ("A16", "man -P", "man -P ./evil.sh ls", None, False),
    ("A17", "less, and ! in it", "less keep", None, False),
    ("A18", "xargs", "echo breached | xargs touch", None, True),
    ("A19", "sed e and w", "sed -n 'w breached' keep; echo 'touch breached' | sed e", None, True),
    ("A20", "awk system()", "awk 'BEGIN{system(\"touch breached\")}'", None, True),
    ("A21", "go test -exec", "go test -exec ./evil.sh ./...", "go test ./...", False),
    ("A22", "npm --prefix", "npm test --prefix ./other", "npm test", False),
    ("A23", "pip -r URL", "pip install -r http://127.0.0.1/x", None, False),
    ("A24", "make -f", "make -f evil.mk", "make all", True),
    ("A25", "shuf -o", "shuf keep -o breached", "shuf keep", True),
    ("A26", "a wrapper that few know", "choom -n 0 -- touch breached", None, True),
    ("A27", "an interpreter by its version", "perl5.36.0 -e 'open(F, \">breached\")'", "perl5.36.0 script", os.path.exists("/usr/bin/perl5.36.0")),
    ("A28", "git mv onto a name that starts code", "git mv -f plain Makefile; make", "git mv plain other", False),
    ("A29", "git push to a folder with hooks", "git push ./far HEAD:refs/heads/x", "git push origin HEAD", True),
    ("A30", "the same by its bare name", "git push far HEAD:refs/heads/x", "git push origin HEAD", True),
    ("A31", "git's strategy with a slash in its name", "git cherry-pick --strategy=a/evil side", "git cherry-pick side", True),
    ("A32", "install --strip-program", "install -s --strip-program=./evil.sh keep other", "install keep other", True),
    ("A33", "diff3 --diff-program", "diff3 --diff-program=./evil.sh keep keep keep", "diff3 keep keep keep", True),
    ("A34", "a compiler by another name", "cpp -wrapper ./evil.sh /dev/null", "cpp /dev/null", True),
    ("A35", "the second file of uniq", "uniq keep breached", "uniq keep", True),
    ("A36", "a folder under the name of one that starts code", "mv far .github", "mv plain other", False),
    ("A37", "a folder as the value of a letter", "cp -t.github/workflows keep", "cp keep other", False),
    ("A38", "a word that an option takes, before the folder", "git push --push-option origin ./far HEAD:refs/heads/x", "git push origin HEAD", True),
    ("A39", "dots that lead to a folder's name", "cp -r git-merge-a .github/x/..", "cp keep other", False),
    ("A40", "a module's own options", "python3 -m timeit -n1 \"open('breached', 'w')\"", "python3 -m pytest --version", True),
    ("A41", "a compiler's programs by a long name", "cpp --prefix=./evil/ /dev/null", "cpp /dev/null", False),
    ("A42", "three dashes", "npm test ---script-shell=./evil.sh", "npm test --silent", False),
]


def furnish(place):
    place.write("keep", "keep\n")
    place.write("evil.sh", "#!/bin/sh\ntouch breached\ncat\n")
    place.write("git-evil", "#!/bin/sh\ntouch breached\n")
    os.mkdir(os.path.join(place.work, "TZ+="))
    place.write("TZ+=/evil.sh", "#!/bin/sh\ntouch breached\n")
    place.write("evil.mk", "all:\n\ttouch breached\n")
    place.write("large", "".join(f"{number * 7919 % 100003} a line to sort\n" for number in range(1500)))
    for folder in ("far/hooks", "git-merge-a", ".github/workflows"):
        os.makedirs(os.path.join(place.work, folder))
    place.write("git-merge-a/evil", "#!/bin/sh\ntouch breached\n")
    place.write("far/hooks/post-receive", "#!/bin/sh\ntouch ../breached\n")
    for name in ("evil.sh", "TZ+=/evil.sh", "git-evil", "git-merge-a/evil", "far/hooks/post-receive"):
        os.chmod(os.path.join(place.work, name), 0o755)
    freely("tar -cf ar.tar keep; git init -q --bare far; git -C far config receive.advertisePushOptions true; git init -q .; git config user.name x; git config user.email x@x; "
           "git commit -q --allow-empty -m x; git checkout -q -b side; echo > picked; git add picked; git commit -q -m y; git checkout -q -", place.work)


def breached(place, furnished=True):
    return any(name.startswith("breached") for name in os.listdir(place.work)) or (furnished and not exists(place.work, "keep"))


def works_freely(command):
    with Place() as place:
        furnish(place)
        shells = ("bash", "sh")
        if len(command) > 100000:
            place.write("long.sh", command)
            command = ". ./long.sh"
        for shell in shells:
            freely(command, place.work, shell)
        return breached(place)


def attempt(command):
    with Place() as place:
        furnish(place)
        session = Session(place, call("shell", command=command), words=("--mode", "ask", *RULES))
        if breached(place):
            return "it ran"
        asked = session.code == 55 or (session.code == 1 and "longer than" in session.stderr)
        return None if asked or not session.results else f"no question: {session.code} {session.results}"


def case_shell():
    with Place() as place:
        furnish(place)
        harmless = Session(place, call("shell", command="echo fine; ls"), words=("--mode", "ask", *RULES)).whole(1)
        check("fine" in harmless[0][0], "what is allowed runs without a question, or none of this proves anything")
    for number, name, command in COMMANDS:
        report(number, name, attempt(command), works_freely(command))
    nul_byte()


def case_arguments():
    try_arguments(ARGUMENTS[:12])


def case_more_arguments():
    try_arguments(ARGUMENTS[12:25])


def case_last_arguments():
    try_arguments(ARGUMENTS[25:])


def try_arguments(rows):
    with Place() as place:
        furnish(place)
        allowed = {command: "runs (rule" in place.carat(*RULES, "--mode", "ask", "policy", "why", f"shell({command})").stdout
                   for command in {row[3] for row in rows} - {None}}
    for number, name, command, plain, effect in rows:
        report(number, name, attempt(command), (not effect or works_freely(command)) and (plain is None or allowed[plain]))


def nul_byte():
    """The model's arguments as JSON, which a server gives, can hold one; the rest of the command would not be seen."""
    outcome = []
    rules = ("--mode", "ask", *RULES, "--allow", "shell(echo a)")
    for text, words in (("echo a\0; touch breached", rules), ("echo a", rules), ("touch made", ())):
        with Place() as place, ModelServer() as server:
            Handler.fault_nul = lambda handler, body, count: asks_for(handler, body, text)
            run = place.carat("exec", "-m", "remote:", "--set", "remote.model=x", "--remote-url", server.url("nul"), *words, "go", code=None)
            outcome.append((run.returncode, breached(place, False), exists(place.work, "made")))
    (asked, breach, _), (plain, _, _), (_, _, made) = outcome
    report("S23", "NUL byte", (asked != 55 or breach) and f"{outcome}", plain == 0 and made)


def asks_for(handler, body, command):
    handler.head(200)
    function = {"name": "shell", "arguments": json.dumps({"command": command})}
    asked = any(message["role"] == "tool" for message in body["messages"])
    if asked:
        parts = text_answer("Done.")
    else:
        parts = [chunk({"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": function}]}), chunk({}, "tool_calls")]
    for part in parts:
        handler.wfile.write(part)


main(globals())
