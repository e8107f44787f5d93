#!/usr/bin/env python3
"""Published MCP servers, called by carat inside its sandbox: mcp_servers.py CASE BUILD-FOLDER SOURCE-FOLDER.

CASE is `time` (mcp-server-time of PyPI, by a Python that has it) or, with CARAT_PEER_NODE naming a folder that holds
node_modules, `filesystem` or `everything` (@modelcontextprotocol/server-... of npm). The server is copied into the workspace,
for the sandbox hides where it was installed; .mcp.json names it and is trusted as a user would. Without the server there is
nothing to try, and the program says so and ends with 77, which is "not run".
"""
import importlib.util
import re
import sys
import sysconfig

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/e2e")
from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' if isinstance(value, str) else f"{key}:{json.dumps(value)}"
                     for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def absent(what):
    print(f"{what} is not there")
    sys.exit(77)


def python_server(place, module):
    if importlib.util.find_spec(module) is None:
        absent(module)
    shutil.copytree(sysconfig.get_paths()["purelib"], place.work + "/packages", symlinks=True)
    return {"command": "/usr/bin/python3", "args": ["-m", module], "env": {"PYTHONPATH": place.work + "/packages"}}


def node_server(place, name, *words):
    folder = os.environ.get("CARAT_PEER_NODE", "/nowhere")
    package = os.path.join("node_modules", "@modelcontextprotocol", name)
    if not os.path.isdir(os.path.join(folder, package)):
        absent(name)
    shutil.copytree(os.path.join(folder, "node_modules"), place.work + "/node_modules", symlinks=True)
    return {"command": "node", "args": [os.path.join(place.work, package, "dist", "index.js"), *words]}


def results(make_server, *calls):
    """What carat's model hears from each call; nothing before the file is trusted, which is looked at, too."""
    with Place() as place:
        place.write(".mcp.json", json.dumps({"mcpServers": {"peer": make_server(place)}}))
        def said():
            run = place.carat("exec", "--output-format", "stream-json", "--max-turns", "100", "-m", script(place, *calls, "Done."), "go", code=None)
            found = [item["content"] for line in run.stdout.splitlines() for item in json.loads(line).get("message", {}).get("content", [])
                     if item.get("type") == "tool_result"]
            check(len(found) == len(calls), (run.returncode, run.stdout[-2000:], run.stderr[-2000:]))
            return [text if isinstance(text, str) else json.dumps(text) for text in found]
        before = said()
        screen = Screen(place, "trust")
        try:
            screen.wait("Trust this file")
            screen.say("y")
            screen.wait("Trusted")
        finally:
            screen.close()
        after = said()
        check(before[0] != after[0], f"without trust it answers too: {before}")
        for text in after:
            print("  " + text[:160].replace("\n", "␊"))
        return after


def case_time():
    now, wrong = results(lambda place: python_server(place, "mcp_server_time"), call("mcp__peer__get_current_time", timezone="UTC"),
                         call("mcp__peer__get_current_time", timezone="No/Where"))
    check(time.strftime("%Y-%m-%dT", time.gmtime()) in now and "No/Where" in wrong, (now, wrong))


def case_filesystem():
    """Its own folder it reads; what carat's sandbox hides it does not, although it is told to serve all."""
    read, secret, write = results(lambda place: (place.write("notes.txt", "lantern"), node_server(place, "server-filesystem", place.work, "/"))[1],
                                  call("mcp__peer__read_text_file", path="notes.txt"), call("mcp__peer__read_text_file", path="/etc/shadow"),
                                  call("mcp__peer__write_file", path="/etc/breached", content="x"))
    check("lantern" in read and "root:" not in secret and not os.path.exists("/etc/breached"), (read, secret, write))


def case_everything():
    echo, total, after = results(lambda place: node_server(place, "server-everything"), call("mcp__peer__echo", message="lantern"),
                                 call("mcp__peer__get-sum", a=19, b=23), call("mcp__peer__echo", message="again"))
    check("lantern" in echo and re.search(r"\b42\b", total) and "again" in after, (echo, total, after))


if __name__ == "__main__":
    main(globals())
    print(f"{CASE}: all as expected")
