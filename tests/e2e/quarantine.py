"""Files that a command makes and other programs would run: moved aside and named. Run as quarantine.py CASE BUILD SOURCE."""
import os

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


main(globals())
