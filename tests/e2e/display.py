"""A screen without a monitor, for the tests that look at it or click on it: Xvfb, and windows that show pictures."""
from place import *

PICTURES = os.path.join(SOURCE, "tests", "engine", "vision", "data")
WIDTH, HEIGHT = 377, 343  # of the screen: those of picture01


def picture(number):
    return os.path.join(PICTURES, f"picture{number:02}.png")


class Display:
    """Xvfb with one window on it that shows a picture and covers the screen; without a picture it is empty."""

    def __init__(self, place, picture=None):
        self.place = place
        self.windows = []
        ready, write = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
                                        "-noreset"], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(ready) as told:
            self.name = ":" + told.readline().strip()
        check(self.name != ":", "Xvfb did not start")
        place.env["DISPLAY"] = self.name
        for name in ("WAYLAND_DISPLAY", "XAUTHORITY"):
            place.env.pop(name, None)
        if picture is not None:
            self.window(picture, "+0+0", "-noclick")

    def window(self, picture, at, *words):
        """A window that shows a picture; without -noclick it ends when it is clicked on."""
        dump = os.path.join(self.place.root, f"picture{len(self.windows)}.xwd")
        subprocess.run(["convert", picture, "-type", "TrueColor", dump], check=True, timeout=PATIENCE)
        window = subprocess.Popen(["xwud", *words, "-geometry", at, "-in", dump], env=self.place.env)
        self.windows.append(window)
        rows = self.rows(picture)
        end = time.monotonic() + PATIENCE
        while not self.shows(rows, at):
            check(time.monotonic() < end and window.poll() is None, "the window never came")
            time.sleep(0.1)
        return window

    @staticmethod
    def rows(picture):
        """Its pixels, a row each, red, green and blue."""
        size = subprocess.run(["identify", "-format", "%w %h", picture], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
        width, height = map(int, size.split())
        pixels = subprocess.run(["convert", picture, "-depth", "8", "rgb:-"], capture_output=True, check=True, timeout=PATIENCE).stdout
        return [pixels[3 * width * row:3 * width * (row + 1)] for row in range(height)]

    def shows(self, rows, at):
        """Whether all of these have been drawn there: a window comes empty first."""
        left, top = map(int, at.split("+")[1:])
        shown = self.dump()
        for number, row in enumerate(rows):
            begin = 4 * ((top + number) * WIDTH + left)
            found = shown[begin:begin + len(row) // 3 * 4]
            if (found[2::4], found[1::4], found[0::4]) != (row[0::3], row[1::3], row[2::3]):
                return False
        return True

    def dump(self):
        """The screen's pixels, as xwd sees them."""
        return subprocess.run(["xwd", "-root", "-silent"], env=dict(os.environ, DISPLAY=self.name), capture_output=True,
                              timeout=PATIENCE).stdout[-4 * WIDTH * HEIGHT:]

    def mouse(self, *words):
        """xdotool, as a person at the mouse."""
        return subprocess.run(["xdotool", *words], env=self.place.env, capture_output=True, text=True, check=True,
                              timeout=PATIENCE).stdout

    def pointer(self):
        words = dict(word.split(":") for word in self.mouse("getmouselocation").split())
        return int(words["x"]), int(words["y"])

    def drag(self, left, top, right, bottom):
        """Draws a region, for a program that waits for one; it may not have the mouse yet, so this may be done again."""
        time.sleep(1)
        self.mouse("mousemove", str(left), str(top), "mousedown", "1", "sleep", "0.3", "mousemove", str((left + right) // 2),
                   str((top + bottom) // 2), "sleep", "0.3", "mousemove", str(right), str(bottom), "sleep", "0.3", "mouseup", "1")
        time.sleep(1)

    def close(self):
        for window in self.windows:
            window.kill()
            window.wait()
        self.server.terminate()  # not killed: it takes its lock and its socket away
        self.server.wait(PATIENCE)
