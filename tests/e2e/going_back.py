#!/usr/bin/env python3
"""/rewind: to any message, with the files, without them, or the files alone."""
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *


def change(command):
    return f'<|tool_call>call:shell{{command:<|"|>{command}<|"|>}}<tool_call|>'


def talk(place, screen):
    """Three messages; the second and the third change files, and a command of the user's own stands between."""
    screen.wait("script")
    screen.say("first of all")
    screen.wait("Nothing done.")
    screen.say("write two")
    screen.wait("Two is written.", "turn 1 changed a and 1 more")
    screen.say("!true")
    place.wait_for_stored("I ran this command myself")  # it has ended
    screen.say("write three")
    screen.wait("Three is written.", "turn 2 changed a;")
    check(place.read("a") == "three\n" and place.read("b") == "two\n", "written")


def screen_of(place):
    place.write("a", "one\n")
    model = script(place, "Nothing done.<turn|>", change("echo two > a; echo two > b"), "Two is written.<turn|>",
                   change("echo three > a"), "Three is written.<turn|>", "On we go.<turn|>")
    return Screen(place, "-m", model, "--mode", "full", rows=40)


def case_both():
    with Place() as place:
        screen = screen_of(place)
        try:
            talk(place, screen)
            screen.say("/rewind list")
            screen.wait("1  write three  (since then 1 path in 1 turn)", "2  write two  (since then 3 paths in 2 turns)",
                        "3  first of all")
            screen.say("/rewind 2")
            screen.wait("changed 3 paths in 2 turns", "/rewind 2 both", "/rewind 2 conversation", "/rewind 2 files")
            check(place.read("a") == "three\n", "nothing is done before one was chosen")
            screen.say("/rewind 2 both")
            screen.wait("is kept as", "restored a", "removed  b", gone=("Two is written.",))
            check(place.read("a") == "one\n" and not os.path.exists(os.path.join(place.work, "b")), "as before")
            screen.key("C-u")
            screen.say("go on")
            screen.wait("On we go.")
        finally:
            screen.close()
        rows = place.carat("sessions").stdout.splitlines()
        check(len(rows) == 2, rows)


def case_menu():
    """Esc Esc: the messages to choose from, and then what goes back."""
    with Place() as place:
        screen = screen_of(place)
        try:
            talk(place, screen)
            screen.key("Escape")
            time.sleep(0.2)
            screen.key("Escape")
            screen.wait("Back to before which message", ">   1  write three  (since then 1 path in 1 turn)", "    2  write two")
            screen.key("Down")
            screen.wait(">   2  write two")
            screen.key("Enter")
            screen.wait("changed 3 paths in 2 turns", "> the conversation and the files", "  the files only")
            screen.key("Enter")
            screen.wait("is kept as", "restored a", "removed  b", gone=("Two is written.", "Back with"))
            check(place.read("a") == "one\n" and not os.path.exists(os.path.join(place.work, "b")), "as before")
        finally:
            screen.close()


def case_conversation():
    with Place() as place:
        screen = screen_of(place)
        try:
            talk(place, screen)
            screen.say("/rewind 1 conversation")
            screen.wait("is kept as", "Two is written.", gone=("Three is written.",))
            check(place.read("a") == "three\n" and place.read("b") == "two\n", "files stay")
        finally:
            screen.close()


def case_files():
    with Place() as place:
        screen = screen_of(place)
        try:
            talk(place, screen)
            screen.say("/rewind files 2")
            screen.wait("turn 2 was taken back", "turn 1 was taken back", "Three is written.")
            check(place.read("a") == "one\n" and not os.path.exists(os.path.join(place.work, "b")), "as before")
            screen.say("/rewind 2 files")
            screen.wait("No file is to be taken back.")
            screen.say("/rewind 9")
            screen.wait("goes back N of your messages")
            screen.say("/rewind sideways")
        finally:
            screen.close()
        check(len(place.carat("sessions").stdout.splitlines()) == 1, "one conversation, whole")


main(globals())
