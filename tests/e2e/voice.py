#!/usr/bin/env python3
"""Speaking to the real program: espeak-ng speaks into the null sink of a PulseAudio of this test's own, whose monitor is the
microphone that PortAudio finds through ALSA's pulse plugin; the small model hears it and calls a tool."""
import os
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True  # nothing is left in the source folder
from place import *

SOUNDS = os.path.join(SOURCE, "tests", "engine", "audio", "data")
ASOUND = """
pcm.!default { type pulse }
ctl.!default { type pulse }
"""
NO_SOUND = """
pcm.!default { type null }
ctl.!default { type null }
"""


class Room:
    """A sound system with one speaker, and a microphone that hears it."""

    def __init__(self, place):
        self.place = place
        self.folder = os.path.join(place.root, "run")
        os.mkdir(self.folder, 0o700)
        self.socket = os.path.join(self.folder, "socket")
        self.asound = os.path.join(place.root, "asound.conf")
        with open(self.asound, "w") as file:
            file.write("</usr/share/alsa/alsa.conf>\n" + ASOUND)
        self.env = dict(place.env, XDG_RUNTIME_DIR=self.folder, PULSE_SERVER="unix:" + self.socket,
                        PULSE_COOKIE=os.path.join(self.folder, "cookie"))
        self.log = open(os.path.join(self.folder, "log"), "w+")
        # Nothing of the machine's own sound is touched: no default script, a socket of its own, no shared pid file.
        self.server = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes",
             "--high-priority=no", "--realtime=no", "-L", "module-null-sink sink_name=speaker",
             "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self.socket}"],
            env=self.env, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while subprocess.run(["pactl", "set-default-source", "speaker.monitor"], env=self.env,
                             capture_output=True, timeout=PATIENCE).returncode != 0:
            self.log.seek(0)
            check(time.monotonic() < end and self.server.poll() is None, "no PulseAudio: " + self.log.read())
            time.sleep(0.1)

    def variables(self):
        """For carat on a Screen."""
        names = ("XDG_RUNTIME_DIR", "PULSE_SERVER", "PULSE_COOKIE")
        return dict({name: self.env[name] for name in names}, ALSA_CONFIG_PATH=self.asound)

    def play(self, path):
        subprocess.run(["paplay", path], env=self.env, check=True, capture_output=True, timeout=PATIENCE)

    def speak(self, words):
        path = os.path.join(self.folder, "said.wav")
        subprocess.run(["espeak-ng", "-w", path, words], check=True, capture_output=True, timeout=PATIENCE)
        self.play(path)

    def unplug(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()

    def close(self):
        self.server.terminate()
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.unplug()
        self.log.close()


class Talking:
    """A place, a room and carat's screen in it."""

    def __init__(self, config="", words=(), model=NANO):
        self.place = Place().__enter__()
        self.room = Room(self.place)
        with open(os.path.join(self.place.home, "config.toml"), "w") as file:
            file.write(config)
        self.screen = Screen(self.place, "-m", model, *words, columns=100, rows=30, extra=self.room.variables())
        self.screen.wait("? keys", "nano", gone=("loading",))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.screen.close()
        self.room.close()
        self.place.__exit__()

    def stored(self):
        return self.place.database().execute(
            "select role, text, details from messages order by ordinal").fetchall()


def case_to_a_tool_call():
    """Key, speech, pause: the model calls the tool that was asked for. The status line says that the microphone is open."""
    with Talking("[voice]\nreview = false\n", ("--mode", "full")) as talk:
        talk.screen.key("M-r")
        talk.screen.wait("listening", "Esc: throw away")
        talk.room.speak("what is the date")
        talk.screen.wait("shell date", "? keys", gone=("listening", "hearing you"))
        rows = talk.stored()
        check(rows and '"kind":"audio"' in (rows[0][2] or ""), rows)
        check(any("shell" in (row[2] or "") for row in rows), rows)


def case_words_are_corrected():
    """What was heard comes into the input, is corrected there, and is sent as text."""
    with Talking() as talk:
        talk.screen.key("M-r")
        talk.screen.wait("listening")
        talk.room.play(os.path.join(SOUNDS, "speech13.wav"))
        talk.screen.wait("> hello", gone=("hearing you", "writing down"))
        talk.screen.type(" friend")
        talk.screen.key("Enter")
        talk.place.wait_for_stored("hello friend")
        rows = talk.stored()
        check(rows[0][1] == "hello friend" and "audio" not in (rows[0][2] or ""), rows)


def case_keys():
    """Esc throws away; Enter ends it at once; nothing said is told; no sound server leaves words and a living screen."""
    with Talking("[voice]\npause_ms = 0\n") as talk:
        talk.screen.key("M-r")
        talk.screen.wait("listening")
        talk.room.play(os.path.join(SOUNDS, "speech13.wav"))
        talk.screen.wait("hearing you")
        talk.screen.key("Escape")
        talk.screen.wait("? keys", gone=("hearing you", "closing the microphone"))
        check("> hello" not in talk.screen.text(), talk.screen.text())
        talk.screen.key("M-r")
        talk.screen.wait("listening")
        talk.screen.key("M-r")
        talk.screen.wait("Nothing was heard.", gone=("listening", "closing the microphone"))
        talk.screen.key("M-r")
        talk.screen.wait("listening")
        talk.room.play(os.path.join(SOUNDS, "speech13.wav"))
        talk.screen.wait("hearing you")
        talk.screen.key("Enter")
        talk.screen.wait("> hello", gone=("hearing you",))


class Bar(threading.Thread):
    """The space bar, pressed until it is let go, in a terminal that does not say so: a blank, half a second, and then one each
    30 ms, through one client of the screen's tmux."""

    def __init__(self, screen):
        super().__init__()
        self.client = subprocess.Popen(["tmux", "-S", screen.name, "-C", "attach", "-f", "ignore-size,no-output"],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.released = threading.Event()
        self.start()

    def run(self):
        pause = 0.5
        while not self.released.is_set():
            self.client.stdin.write("send-keys Space\n")
            self.client.stdin.flush()
            self.released.wait(pause)
            pause = 0.03

    def let_go(self):
        self.released.set()
        self.join()
        self.client.stdin.close()
        self.client.wait(PATIENCE)


def case_space():
    """The space bar held on an empty input talks, and its end closes the microphone; a blank that is typed is a blank."""
    with Talking("[voice]\npause_ms = 0\nhold_space = true\n") as talk:
        bar = Bar(talk.screen)
        try:
            end = time.monotonic() + PATIENCE
            # Where the machine stands still for a third of a second the bar counts as let go.
            while not any(words in talk.screen.text() for words in ("listening", "Nothing was heard.")):
                check(time.monotonic() < end, talk.screen.text())
        finally:
            bar.let_go()
        talk.screen.wait("Nothing was heard.", gone=("listening", "closing the microphone"))
        talk.screen.key("C-u")
        talk.screen.wait("> Ask something")
        talk.screen.key("Space")
        talk.screen.type("x  y")
        talk.screen.key("Enter")
        talk.place.wait_for_stored(" x  y")


def case_unplugged():
    """The sound system dies in the middle of it: that is said, what was heard is kept, and carat goes on."""
    with Talking("[voice]\npause_ms = 0\nreview = false\n") as talk:
        talk.screen.key("M-r")
        talk.screen.wait("listening")
        talk.room.play(os.path.join(SOUNDS, "speech13.wav"))
        talk.screen.wait("hearing you")
        talk.room.unplug()
        talk.screen.wait("the microphone (", "> hello", gone=("hearing you",))
        talk.screen.key("C-u")
        talk.screen.key("M-r")
        talk.screen.wait("there is no microphone", gone=("opening the microphone",))
        talk.screen.say("hello")
        talk.screen.wait("Hello! What shall I do?")


def case_hands_free():
    """/listen: said, answered, said again, and the stop word. /say speaks the answers meanwhile, without thoughts."""
    with Talking("[voice]\nstop_word = \"Bye.\"\nsay = true\ncommand = [\"sh\", \"-c\", \"cat >> spoken\"]\n") as talk:
        talk.screen.say("/listen")
        talk.screen.wait("Listening until you say", "listening")
        talk.room.play(os.path.join(SOUNDS, "speech13.wav"))
        talk.screen.wait("heard: hello", "Hello! What shall I do?")
        talk.screen.wait("listening", "Enter: done")
        talk.room.play(os.path.join(SOUNDS, "speech15.wav"))
        talk.screen.wait("You said the stop word.", "? keys")
        check(talk.place.read("spoken").strip() == "Hello! What shall I do?", talk.place.read("spoken"))


def case_spoken():
    """A missing program is named; a key ends one that speaks; the text is data, whatever it is."""
    with Place() as place:
        with open(os.path.join(place.root, "asound.conf"), "w") as file:
            file.write(NO_SOUND)
        config = os.path.join(place.home, "config.toml")
        with open(config, "w") as file:
            file.write('[voice]\nsay = true\ncommand = ["no-such-speaker"]\n')
        screen = Screen(place)
        screen.wait("? keys")
        screen.say("hello")
        screen.wait("Hello! What shall I do?", "no-such-speaker", "voice.command")
        screen.close()
        with open(config, "w") as file:
            file.write('[voice]\ncommand = ["sh", "-c", "cat /dev/stdin > spoken; echo $$ > speaker; exec sleep 1000"]\n')
        answer = "**Bold** `$(touch pwned)` ; touch pwned\n\n- [a page](https://example.org)\n```\nrm -rf x\n```\n"
        screen = Screen(place, "-m", script(place, "<|channel>thought\nsecret thought\n<channel|>" + answer + "<turn|>"))
        screen.wait("? keys")
        screen.say("/say on")
        screen.say("go")
        end = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(place.work, "speaker")) and time.monotonic() < end:
            time.sleep(0.05)
        spoken, speaker = place.read("spoken"), int(place.read("speaker"))
        check(spoken == "Bold $(touch pwned) ; touch pwned\na page\n(code)\n", spoken)
        check(not os.path.exists(os.path.join(place.work, "pwned")), "the answer was run")
        screen.key("x")
        while os.path.exists(f"/proc/{speaker}") and time.monotonic() < end:
            time.sleep(0.05)
        check(not os.path.exists(f"/proc/{speaker}"), "the key did not end it")
        screen.close()


def case_doctor():
    """Which microphone and which speaker there are; and nothing of the sound libraries' own chatter."""
    with Place() as place:
        with open(os.path.join(place.root, "asound.conf"), "w") as file:
            file.write(NO_SOUND)
        none = place.carat("doctor", env={"ALSA_CONFIG_PATH": os.path.join(place.root, "missing.conf")}, code=None)
        check("there is no microphone" in none.stdout and "espeak-ng" in none.stdout, none.stdout)
        check("ALSA" not in none.stderr and "jack" not in none.stderr.lower(), none.stderr)
        room = Room(place)
        try:
            some = place.carat("doctor", env=room.variables(), code=None)
            check("microphone default" in some.stdout.replace("  ", " ") and "16000" in some.stdout, some.stdout)
            check("ALSA" not in some.stderr and "jack" not in some.stderr.lower(), some.stderr)
        finally:
            room.close()


def case_tools_hear_nothing():
    """The sandbox of tools has no way to the microphone that carat itself uses."""
    reach = "test -S \"$PULSE_PATH\" && echo reached; ls /dev/snd 2>/dev/null; echo \"server=$PULSE_SERVER\"; true"
    with Place() as place:
        room = Room(place)
        try:
            env = dict(room.variables(), PULSE_PATH=room.socket)
            command = reach.replace("$PULSE_PATH", room.socket)
            free = subprocess.run(["sh", "-c", command], env=room.env, capture_output=True, text=True, timeout=PATIENCE)
            check("reached" in free.stdout and "server=unix:" in free.stdout, free.stdout)  # the control
            run = place.carat("sandbox", "--", "sh", "-c", command, env=env)
            check("server=" in run.stdout and "reached" not in run.stdout and "unix:" not in run.stdout and
                  "pcm" not in run.stdout, run.stdout)
        finally:
            room.close()


main(globals())
