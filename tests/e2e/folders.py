#!/usr/bin/env python3
"""/add-dir: another folder for the tools while carat runs, with the undo of what they do there."""
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def case_added():
    with Place() as place:
        other = os.path.join(place.home, "other")
        os.mkdir(other)
        path = os.path.join(other, "kept.txt")
        with open(path, "w") as file:
            file.write("before\n")
        touch = call("shell", command=f"echo after > {path}")
        read = call("read_file", path=path)
        model = script(place, touch, read, "refused<turn|>", touch, read, call("edit_file", path=path, old_text="after", new_text="later"), "written<turn|>",
                       call("shell", command=f"echo never > {path}"), "only read<turn|>", {"text": "word " * 2000, "delay_ms": 20})
        screen = Screen(place, "--mode", "full", "-m", model, columns=120, rows=50)
        try:
            screen.wait("script")
            screen.say("go")
            screen.wait("refused")
            check(open(path).read() == "before\n", "the control: a folder that is not given is not written")
            screen.settle()
            screen.say("/add-dir nothing-here")
            screen.wait("No such file or directory")
            screen.say("/add-dir ~/other/kept.txt")
            screen.wait("is no folder")
            screen.type("/add-dir oth")  # offered from beside the workspace
            screen.wait("> ../home/other/")
            screen.key("Tab")
            screen.wait("> /add-dir ../home/other/")
            screen.key("Enter")
            screen.wait("until carat ends", other)
            screen.say("/add-dir " + other)
            screen.wait("already")
            screen.say("once more")
            screen.wait("written")
            screen.settle()
            check(open(path).read() == "later\n", open(path).read())
            screen.say("/permissions")
            screen.wait("folders  " + place.work + ", " + other)
            screen.say("/undo")
            end = time.monotonic() + PATIENCE
            while open(path).read() != "before\n":
                check(time.monotonic() < end, screen.text())
                time.sleep(0.05)
            screen.say("/mode read-only")
            screen.wait("Mode: read-only.")
            screen.say("in vain")
            screen.wait("only read")
            check(open(path).read() == "before\n", "read-only")
            screen.say("long")
            screen.wait("word word")
            screen.say("/add-dir /usr")
            screen.wait("something still runs")
        finally:
            screen.close()


def case_configured():
    """tools.writable by a name that begins with ~/ and by one through a link: what a turn does there is looked at, and can be taken back."""
    with Place() as place:
        other, led = os.path.join(place.home, "other"), os.path.join(place.root, "led")
        link = os.path.join(place.root, "link")
        for folder in (other, led):
            os.mkdir(folder)
            with open(os.path.join(folder, "kept.txt"), "w") as file:
                file.write("before\n")
        os.symlink(led, link)
        with open(os.path.join(place.home, "config.toml"), "w") as file:
            file.write(f'[tools]\nwritable = ["~/other", "{link}"]\n')
        command = f"for d in {other} {led}; do echo after > $d/kept.txt; echo x > $d/.envrc; done"
        place.carat("exec", "-m", script(place, call("shell", command=command), "Done.<turn|>"), "go")
        for folder in (other, led):
            check(open(os.path.join(folder, "kept.txt")).read() == "after\n", "the control: both can be written")
            check(sorted(os.listdir(folder)) == [".envrc.quarantined", "kept.txt"], os.listdir(folder))
        place.carat("undo")
        for folder in (other, led):
            check(open(os.path.join(folder, "kept.txt")).read() == "before\n", folder)
        listed = place.carat("undo", "--list", "--add-dir", "/no/such").stdout
        check("/no/such: what tools change in it cannot be taken back: No such file" in listed, listed)


def case_own():
    """carat's own folders in the workspace, behind a link, are no part of what is taken back."""
    with Place() as place:
        os.mkdir(os.path.join(place.work, "real"))
        os.symlink(os.path.join(place.work, "real"), os.path.join(place.root, "link"))
        own = {"CARAT_HOME": os.path.join(place.root, "link")}
        os.makedirs(os.path.join(place.work, "real", "config.d"))
        model = script(place, call("shell", command="echo x > made"), "Done.<turn|>")
        place.carat("exec", "-m", model, "go", env=own)
        listed = place.carat("undo", "--list", env=own).stdout
        check("   1 path " in listed, listed)
        place.carat("undo", env=own)
        check(os.path.exists(os.path.join(place.work, "real", "data", "conversations.db")) and not os.path.exists(os.path.join(place.work, "made")), "both")


main(globals())
