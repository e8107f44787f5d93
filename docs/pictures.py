#!/usr/bin/env python3
"""Makes the pictures of the screen in docs/: runs carat in tmux with a scripted model, and writes what is on the screen as SVG.

    docs/pictures.py BUILD      writes docs/screen-*.svg
"""
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time

COLUMNS, ROWS, CELL_WIDTH, CELL_HEIGHT = 92, 30, 8.4, 18
COLOURS = ["#1d1f21", "#cc6666", "#b5bd68", "#f0c674", "#81a2be", "#b294bb", "#8abeb7", "#c5c8c6",
           "#969896", "#d54e53", "#b9ca4a", "#e7c547", "#7aa6da", "#c397d8", "#70c0b1", "#eaeaea"]
BACKGROUND, TEXT = "#1d1f21", "#c5c8c6"

CALL = '<|tool_call>call:shell{command:<|"|>printf "alpha\\nbeta\\n" | sort -r<|"|>}<tool_call|><|tool_response>'
ANSWER = """It sorts **backwards**, as you see.

| Order | First | Last |
|---|---|---|
| `sort` | alpha | beta |
| `sort -r` | beta | alpha |

```c
int main(void)
{
    return puts("beta") < 0; /* the first one */
}
```
<turn|>"""


def cells(line):
    """(text, style) pieces of one captured row."""
    style = {}
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        code = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if not code:
            if piece:
                yield piece, dict(style)
            continue
        for number in [int(word or 0) for word in code.group(1).split(";")]:
            if number == 0:
                style = {}
            elif number in (1, 2, 3, 4, 7):
                style[number] = True
            elif 30 <= number <= 37 or 90 <= number <= 97:
                style["ink"] = COLOURS[number - 30 if number < 90 else number - 82]
            elif 40 <= number <= 47 or 100 <= number <= 107:
                style["paper"] = COLOURS[number - 40 if number < 100 else number - 92]
            elif number in (39, 49):
                style.pop("ink" if number == 39 else "paper", None)


def svg(capture):
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * CELL_WIDTH + 20:.0f}" height="{ROWS * CELL_HEIGHT + 20}" '
           f'font-family="monospace" font-size="14"><rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>']
    for row, line in enumerate(capture.split("\n")[:ROWS]):
        column = 0
        for text, style in cells(line):
            ink, paper = style.get("ink", TEXT), style.get("paper")
            if 7 in style:
                ink, paper = paper or BACKGROUND, ink
            x, y, width = 10 + column * CELL_WIDTH, 10 + row * CELL_HEIGHT, len(text) * CELL_WIDTH
            if paper:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL_HEIGHT}" fill="{paper}"/>')
            looks = "".join(value for key, value in ((1, ' font-weight="bold"'), (2, ' opacity="0.6"'), (3, ' font-style="italic"'),
                                                     (4, ' text-decoration="underline"')) if key in style)
            if text.strip():
                out.append(f'<text x="{x:.1f}" y="{y + 14}" textLength="{width:.1f}" xml:space="preserve" fill="{ink}"{looks}>'
                           f'{html.escape(text)}</text>')
            column += len(text)
    return "\n".join(out) + "\n</svg>\n"


class Tmux:
    def __init__(self, build, home, script, *words):
        self.socket = os.path.join(home, "tmux")
        path = os.path.join(home, "script.json")
        with open(path, "w") as file:
            json.dump(script, file)
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), "-c", home, "env", "CARAT_HOME=" + home,
                 "HOME=" + home, "LC_ALL=C.UTF-8", "TERM=xterm-256color", "sh", "-c",
                 'printf "$ uname\nLinux\n$ carat\n\n"; exec "$0" "$@"', os.path.join(build, "carat"), "-m", "script:" + path, *words)

    def run(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], check=True, capture_output=True, text=True).stdout

    def keys(self, *names):
        self.run("send-keys", *names)

    def type(self, text):
        self.run("send-keys", "-l", text)

    def wait(self, text):
        for _ in range(600):
            if text in self.run("capture-pane", "-p"):
                return
            time.sleep(0.05)
        raise SystemExit(f"{text!r} did not come:\n" + self.run("capture-pane", "-p"))

    def picture(self, name):
        time.sleep(0.3)
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"screen-{name}.svg")
        with open(path, "w") as file:
            file.write(svg(self.run("capture-pane", "-e", "-p")))
        print(path, os.path.getsize(path), "bytes")


def main():
    build = os.path.abspath(sys.argv[1])
    for name, words in (("full", ()), ("inline", ("--screen", "inline"))):
        with tempfile.TemporaryDirectory(prefix="carat-pictures-", ignore_cleanup_errors=True) as home:
            tmux = Tmux(build, home, [CALL, ANSWER], *words)
            try:
                tmux.wait("Ask something")
                tmux.type("What does sort -r do?")
                tmux.keys("Enter")
                tmux.wait("y once")
                if name == "full":
                    tmux.picture("question")
                time.sleep(1)
                tmux.keys("y")
                tmux.wait("Ask something")
                tmux.picture(name)
                if name == "full":
                    tmux.type("/")
                    tmux.wait("/help")
                    tmux.picture("commands")
            finally:
                subprocess.run(["tmux", "-S", tmux.socket, "kill-server"], capture_output=True)


main()
