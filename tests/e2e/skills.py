#!/usr/bin/env python3
"""Skills: what the model is told of them, how it reads one, and how the user calls one, with the real program."""
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


def skill(folder, name, description, text="Say ZEBRA.", more=""):
    path = os.path.join(folder, name)
    os.makedirs(path)
    with open(os.path.join(path, "SKILL.md"), "w") as file:
        file.write(f"---\nname: {name}\ndescription: {description}\n{more}---\n{text}\n")
    return os.path.join(path, "SKILL.md")


def project(place):
    return os.path.join(place.work, ".agents", "skills")


def case_told():
    """Names and descriptions, with their cost; nothing at all when there are none, or when they are turned off."""
    with Place() as place:
        own = skill(os.path.join(place.home, ".agents", "skills"), "mine", "of the user's own")
        skill(os.path.join(place.home, "skills"), "beside", "beside the configuration")
        skill(project(place), "pdf", "Work with PDF files")
        told = {"expect": "- pdf (.agents/skills/pdf/SKILL.md): Work with PDF files", "text": "Yes."}
        run = place.carat("exec", "-m", script(place, told), "go")
        check("carat: skills beside, mine, pdf: about " in run.stderr, run.stderr)
        place.carat("exec", "-m", script(place, {"expect": f"- mine ({own}): of the user's own\n", "text": "Yes."}), "go")
        for words in (("--no-skills",), ("--bare",), ("--no-tools",)):
            run = place.carat("exec", *words, "-m", script(place, told), "go", code=1)
            check("the prompt does not hold" in run.stderr and "carat: skills" not in run.stderr, (words, run.stderr))
        os.makedirs(os.path.join(place.work, ".carat"))
        place.write(".carat/config.toml", "[agent]\nskills = false\n")
        place.carat("exec", "-m", script(place, told), "go", code=1)


def case_same_prompt():
    """Without a skill the prompt's bytes are those of a run that knows of none."""
    with Place() as place:
        marker = {"expect": "- When done, say in one or two sentences what you did.\nWorkspace: " + place.work + "\nDate: ", "text": "Yes."}
        def system(*words):
            run = place.carat("exec", "--json", *words, "-m", script(place, marker), "go")
            return [event.get("usage") for event in map(json.loads, run.stdout.splitlines()) if event["type"] == "turn.completed"]
        without, off = system(), system("--no-skills")
        check(without == off and without[0]["input_tokens"] > 0, (without, off))
        os.makedirs(os.path.join(project(place), "empty"))
        check(system() == without, "a folder without a SKILL.md changes nothing")
        skill(project(place), "pdf", "Work with PDF files")
        check(system()[0]["input_tokens"] > without[0]["input_tokens"], "the control")


def case_read():
    """The model reads one with its tool, also the user's own and one above the workspace; nothing else there, and it writes none."""
    with Place() as place:
        own = skill(os.path.join(place.home, ".agents", "skills"), "mine", "of the user's own")
        os.makedirs(os.path.join(place.work, ".git"))
        inner = os.path.join(place.work, "inner")
        os.makedirs(inner)
        above = skill(project(place), "above", "of the project", "Say GIRAFFE.")
        place.write("secret", "LION")
        calls = [call("read_file", path=own), call("read_file", path=above), call("read_file", path=os.path.join(place.work, "secret")),
                 call("write_file", path=own.replace("SKILL.md", "new"), content="x"), call("shell", command=f"cat {own}; echo x > {own}; cat {own}")]
        run = place.carat("exec", "--json", "-C", inner, "-m", script(place, *calls, "Done."), "go")
        results = [json.dumps(item) for item in items([json.loads(line) for line in run.stdout.splitlines()], "mcp_tool_call")]
        commands = items([json.loads(line) for line in run.stdout.splitlines()], "command_execution")
        changes = items([json.loads(line) for line in run.stdout.splitlines()], "file_change")
        check(len(results) == 3, run.stdout)
        check("Say ZEBRA." in results[0] and "Say GIRAFFE." in results[1], results)
        check("LION" not in results[2] and "outside the workspace" in results[2], results)
        check(changes[0]["status"] == "failed" and "may only be read" in run.stdout + run.stderr, run)
        check(commands[0]["aggregated_output"].count("Say ZEBRA.") == 2 and "ead-only" in commands[0]["aggregated_output"], commands)
        check(not os.path.exists(own.replace("SKILL.md", "new")), "it was written")
        shutil.rmtree(os.path.join(place.home, ".agents"))  # what is gone later is no reason not to work
        place.carat("exec", "-C", inner, "-m", script(place, call("shell", command="true"), "Done."), "go")


def case_called():
    """/NAME hands the text over; its list of tools refuses the others, for that turn alone, and allows none."""
    with Place() as place:
        skill(project(place), "look", "Look around", "Say ZEBRA.", "allowed-tools: Read, Bash(ls:*)\n")
        skill(project(place), "all", "Anything", "Say LION.")
        touch, ls = call("shell", command="touch made"), call("shell", command="ls -a")
        given = {"expect": "Say ZEBRA.\n\n\nWhat it is wanted for: the corner", "text": touch}
        run = place.carat("exec", "-m", script(place, given, call("write_file", path="made", content="x"), ls, "Done."), "/look the corner")
        check(run.stderr.count("the skill look allows only read_file, shell(ls:*)") == 2 and "> shell" in run.stderr, run.stderr)
        check(not os.path.exists(os.path.join(place.work, "made")), "a call ran that the skill does not name")
        run = place.carat("exec", "--mode", "ask", "-m", script(place, ls, "Done."), "/skill:look", code=55)
        place.carat("exec", "-m", script(place, {"expect": "Say LION.", "text": touch}, "Done."), "/all")
        check(os.path.exists(os.path.join(place.work, "made")), "without a list nothing is taken away")
        run = place.carat("exec", "-m", script(place, {"expect": "/nothing else", "text": "Done."}), "/nothing else")
        check("Done." in run.stdout, run)


def case_screen():
    """Offered after a slash, listed with source and cost, called; a command's own name stays the command's."""
    with Place() as place:
        skill(project(place), "zoo", "Look at animals", "Say ZEBRA.", "allowed-tools: Read\n")
        skill(project(place), "help", "Not the help that is known", "Say LION.")
        skill(project(place), "bad\x1b[31mname", "odd")
        touch = call("shell", command="touch made")
        model = script(place, {"expect": "Say ZEBRA.", "text": touch}, "refused it<turn|>", {"expect": "Say LION.", "text": "roared<turn|>"},
                       {"text": touch}, "asked for it<turn|>")
        screen = Screen(place, "-m", model, columns=110, rows=50)
        try:
            screen.wait("script", "Skills: help, zoo: about ")
            screen.type("/zo")
            screen.wait("zoo", "Look at animals")
            screen.key("Tab")
            screen.type(" now")
            screen.key("Enter")
            screen.wait("the skill zoo allows only read_file", "refused it")
            check(not os.path.exists(os.path.join(place.work, "made")), "it ran")
            screen.say("/skills")
            text = screen.wait("/zoo  the project's, about ", "no other tools: Read", "left out: ", "the folder's name is not")
            check("bad\\x1B[31mname" in text, text)
            screen.say("/help")
            screen.wait("Names from elsewhere")
            screen.say("/skill:help")
            screen.wait("roared")
            screen.say("/context")
            screen.wait("K  skills")
            screen.say("go on")
            screen.wait("y once")  # the list was of that turn alone
            screen.answer("y")
            screen.wait("asked for it")
            check(os.path.exists(os.path.join(place.work, "made")), "it did not run")
        finally:
            screen.close()


main(globals())
