"""Files that a command makes and other programs would run: moved aside and named. Run as quarantine.py CASE BUILD SOURCE."""
import fcntl
import glob
import os
import subprocess

from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def there(place, name):
    return os.path.lexists(os.path.join(place.work, name))


def case_exec():
    with Place() as place:
        os.makedirs(os.path.join(place.work, "old"))
        place.write("old/.envrc", "mine\n")
        command = "mkdir -p sub/.vscode repo/.git/hooks; echo x > .envrc; echo x > sub/.vscode/tasks.json; " \
                  "echo x > repo/.git/hooks/pre-commit; echo kept > plain.txt"
        events = place.events("-m", script(place, call("shell", command=command), "Done.<turn|>"), "go")
        said = " ".join(item["message"] for item in items(events, "error"))
        for name in (".envrc", "sub/.vscode", "repo/.git/hooks/pre-commit"):
            check(not there(place, name) and there(place, name + ".quarantined"), name)
            check(name in said, said)
        check("direnv runs it" in said and "with .quarantined behind the name" in said, said)
        check(place.read("old/.envrc") == "mine\n" and place.read("plain.txt") == "kept\n", "what was fine was touched")


def git(place, command):
    subprocess.run(["sh", "-c", command], cwd=place.work, env=dict(place.env, GIT_CONFIG_GLOBAL="/dev/null"), stdin=subprocess.DEVNULL,
                   capture_output=True, timeout=PATIENCE)


def case_states():
    """What the user's own git would run later: another repository behind a worktree, a step of a rebase that waits."""
    evil = "git init -q --bare evil; printf '[core]\\nbare = false\\nfsmonitor = \"touch MARK;\"\\n' > evil/config; "
    rows = (("a worktree", evil + "cd .git/worktrees/tree; echo $OLDPWD/evil > commondir || echo held", "cd tree && git status"),
            ("a worktree's folder", evil + "mv .git/worktrees/tree .git/old; mkdir -p .git/worktrees/tree; cp .git/old/* .git/worktrees/tree; "
             "echo $PWD/evil > .git/worktrees/tree/commondir", "cd tree && git status"),
            ("a worktree's configuration", "printf '[core]\\nfsmonitor = \"touch MARK;\"\\n' > .git/worktrees/tree/config.worktree", "cd tree && git status"),
            ("a rebase", "mkdir .git/rebase-merge; cd .git/rebase-merge; git rev-parse HEAD | tee onto > orig-head; echo refs/heads/main > head-name; "
             "echo exec touch MARK > git-rebase-todo; touch interactive done; echo 0 > msgnum; echo 1 > end", "git rebase --continue"),
            ("a series of picks", "git commit -q --allow-empty -m y; git commit -q --allow-empty -m z; mkdir .git/sequencer git-merge-a; "
             "git rev-parse main~2 > .git/sequencer/head; git log --format='pick %h %s' --reverse -2 main > .git/sequencer/todo; "
             "printf '#!/bin/sh\ntouch MARK\n' > git-merge-a/evil; chmod +x git-merge-a/evil; "
             "printf '[options]\n\tstrategy = a/evil\n' > .git/sequencer/opts; git reset -q --hard main~2", "git cherry-pick --continue"),
            ("where a push goes", "git init -q --bare evil; printf '#!/bin/sh\ntouch MARK\n' > evil/hooks/pre-receive; chmod +x evil/hooks/pre-receive; "
             "git init -q -b main b; git -C b -c user.name=x -c user.email=x@x commit -q --allow-empty -m x; "
             "git -C b config branch.main.remote ../evil; git -C b config branch.main.merge refs/heads/main", "cd b && git push"),
            ("where git once kept that", "git init -q --bare evil; printf '#!/bin/sh\ntouch MARK\n' > evil/hooks/pre-receive; chmod +x evil/hooks/pre-receive; "
             "mkdir -p .git/remotes; printf 'URL: ./evil\nPush: refs/heads/main:refs/heads/main\n' > .git/remotes/origin", "git push"),
            ("a repository around a damaged one", "cp -r .git/objects .git/refs .git/HEAD .git/index .; echo junk > .git/HEAD; "
             "printf '[core]\nrepositoryformatversion = 0\nbare = false\nworktree = %s\nfsmonitor = \"touch MARK;\"\n' $PWD > config", "git status"),
            ("a submodule's repository", "git init -q -b main m; git -C m -c user.name=x -c user.email=x@x commit -q --allow-empty -m x; "
             "git update-index --add --cacheinfo 160000,$(git -C m rev-parse HEAD),sub; "
             "git config -f .gitmodules submodule.sub.path sub; git config -f .gitmodules submodule.sub.url ./m; mkdir .git/modules; cp -r m/.git .git/modules/sub; "
             "printf '[core]\nfsmonitor = \"touch MARK;\"\n' >> .git/modules/sub/config", "git submodule update --init"))
    for name, lay, spring in rows:
        for inside in (False, True):
            with Place() as place:
                mark = os.path.join(place.root, "mark")
                git(place, "git init -q -b main .; git config user.name x; git config user.email x@x; git commit -q --allow-empty -m x; "
                    "git config extensions.worktreeConfig true; git worktree add -q tree")
                command = lay.replace("MARK", mark)
                if inside:
                    place.events("-m", script(place, call("shell", command=command), "Done.<turn|>"), "go")
                else:
                    git(place, command)
                git(place, spring)
                check(os.path.exists(mark) != inside, (name, "sprung" if inside else "the control did not work"))
                if inside and name.startswith("a submodule"):
                    check(there(place, ".git/modules/sub/config.quarantined") or not there(place, ".git/modules/sub/config"), "held by something else")


def case_without_undo():
    """No snapshot, for whatever reason: what was made is moved aside all the same."""
    plant = call("shell", command="echo x > .envrc; echo x > plain.txt")
    for name, words in (("another carat", "cannot be taken back"), ("no place", "cannot be taken back"), ("turned off", "moved aside")):
        with Place() as place:
            more = ["--set", "undo.megabytes=0"] if name == "turned off" else []
            undo = os.path.join(place.home, "state", "undo")
            if name == "no place":
                os.makedirs(os.path.dirname(undo), exist_ok=True)
                open(undo, "w").close()
            else:
                place.events("-m", script(place, call("shell", command="touch first"), "Done.<turn|>"), *more, "go")
            locks = [open(lock, "w") for lock in glob.glob(undo + "/*/lock")]
            check(name != "another carat" or locks, "no lock is where it was looked for")
            for lock in locks:
                fcntl.flock(lock, fcntl.LOCK_EX)
            run = place.carat("exec", "--json", "-m", script(place, plant, "Done.<turn|>"), *more, "go")
            check(words in run.stdout + run.stderr, (name, run.stdout, run.stderr))
            check("moved aside" in run.stdout and there(place, ".envrc.quarantined") and not there(place, ".envrc"), (name, run.stdout, run.stderr))
            check(place.read("plain.txt") == "x\n", "what was fine was touched")
            for lock in locks:
                lock.close()


def case_home():
    """A workspace that is the home directory: every name with a dot is some program's."""
    made = (".hushlogin", ".xprofile", ".config", ".some-tool")
    plant = "echo x > .hushlogin; echo x > .xprofile; mkdir -p .config/autostart p; echo x > .config/autostart/x.desktop; echo x > .some-tool; echo x > p/.some-tool"
    for aside in (False, True):
        with Place() as place:
            run = place.carat("exec", "-m", script(place, call("shell", command=plant), "Done.<turn|>"), "go",
                              env={"HOME": place.work if aside else place.home})
            for name in made:
                check(there(place, name + ".quarantined") == aside and there(place, name) != aside, (aside, name, run.stderr))
                check(not aside or name in run.stderr, run.stderr)
            check(there(place, "p/.some-tool"), "deeper")


def case_changed():
    """What other programs obey, was there and may be written: a change of it is said."""
    with Place() as place:
        place.write(".npmrc", "a = 1\n")
        place.write(".hushlogin", "")
        command = call("shell", command="echo ignore-scripts=false >> .npmrc; echo x > .hushlogin; echo x > plain")
        events = place.events("-m", script(place, command, "Done.<turn|>"), "go")
        said = " ".join(item["message"] for item in items(events, "error"))
        check("/.npmrc (npm obeys it)" in said and "hushlogin" not in said and "plain" not in said, said)
        check(there(place, ".npmrc"), "it stays")


def case_agreed():
    """What the user was shown and said yes to stays; what came with it does not."""
    with Place() as place:
        place.write("make.sh", "echo x > .envrc; echo x > .mcp.json\n")
        model = script(place, call("shell", command="sh make.sh # .envrc"), "Done.<turn|>")
        screen = Screen(place, "-m", model, columns=110)
        try:
            screen.wait("script")
            screen.say("go")
            screen.wait("y once")
            screen.answer("y")
            screen.wait("Done.", ".mcp.json", "moved aside")
            check(there(place, ".envrc") and there(place, ".mcp.json.quarantined"), os.listdir(place.work))
        finally:
            screen.close()


def case_agreed_words():
    """A yes to a command that only has letters in common with a name is none to that name."""
    with Place() as place:
        place.write("make.sh", "git init -q sub; git -C sub config core.fsmonitor ./evil; git init -q --bare other; git -C other config core.pager x; "
                    "mkdir y; echo gitdir: ../other > y/.git; cp make.sh sub/.git/hooks/pre-commit\n")
        model = script(place, call("shell", command="sh make.sh"), call("shell", command="touch reconfigured.py config pre-commit; echo https://x/y.git"),
                       "Done.<turn|>")
        screen = Screen(place, "-m", model, "--mode", "ask", columns=110, rows=40)
        try:
            screen.wait("script")
            screen.say("go")
            screen.wait("y once")
            screen.answer("y")  # as long as there is a question: the second comes at once
            screen.wait("Done.", "moved aside")
            for name in ("sub/.git/config", "sub/.git/hooks/pre-commit", "y/.git"):
                check(not there(place, name) and there(place, name + ".quarantined"), name)
        finally:
            screen.close()


main(globals())
