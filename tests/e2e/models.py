#!/usr/bin/env python3
"""`carat models`: fetched whole and checked, or not at all."""
import fcntl
import hashlib
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_host import ModelHost
from place import *

MODEL, ENCODERS, OTHER = "gemma-4-E2B-it-Q4_0.gguf", "mmproj-gemma-4-E2B-it-BF16.gguf", "gemma-4-E2B-it-Q8_0.gguf"


def files():
    model = open(NANO, "rb").read()
    encoders = open(os.path.join(os.path.dirname(NANO), "mmproj-nano.gguf"), "rb").read()
    return {"README.md": b"hello", OTHER: b"GGUF other", MODEL: model, "mmproj-gemma-4-E2B-it-Q8_0.gguf": b"GGUF", ENCODERS: encoders,
            "../evil.gguf": b"GGUF", "gemma-4-E2B-it-assistant-Q4_0.gguf": b"GGUF drafter"}


def models(place, host, *words, code=0, **env):
    return place.carat("models", *words, "--set", "models.host=" + host.url, code=code, env=env)


def folder(place):
    return os.path.join(place.home, "data", "models")


def here(place):
    return sorted(os.listdir(folder(place))) if os.path.isdir(folder(place)) else []


def body(place, name):
    with open(os.path.join(folder(place), name), "rb") as file:
        return file.read()


def case_pull():
    with Place() as place, ModelHost(files()) as host:
        check("gemma-4-e2b" in models(place, host, "list").stdout, "the catalogue is listed")
        run = models(place, host, "pull", "gemma-4-e2b")
        check("\x1b" not in run.stdout + run.stderr, run)
        check(here(place) == sorted([MODEL, ENCODERS, "SHA256SUMS"]), here(place))
        check(body(place, MODEL) == host.files[MODEL] and body(place, ENCODERS) == host.files[ENCODERS], "the bytes")
        check("as the publisher says" in run.stdout, run.stdout)
        sums = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder(place), capture_output=True)
        check(sums.returncode == 0, sums)
        check("is here already" in models(place, host, "pull", "gemma-4-e2b").stdout, "the second time")
        place.write("river.txt", "hello\n")
        check("river.txt" in place.carat("exec", "-m", "gemma-4-e2b", "list the files").stdout, "it runs")
        check("as it was fetched" in models(place, host, "verify").stdout, "verify")
        with open(os.path.join(folder(place), MODEL), "r+b") as file:
            file.seek(100000)
            file.write(b"damage")
        check("is damaged" in models(place, host, "verify", code=1).stderr, "damage is seen")
        models(place, host, "rm", MODEL)
        check(MODEL not in here(place) and MODEL.encode() not in body(place, "SHA256SUMS"), here(place))
        check("evil" not in "".join(here(place)) and not os.path.exists(os.path.join(place.home, "data", "evil.gguf")), "evil")


def case_choice():
    with Place() as place, ModelHost(files()) as host:
        models(place, host, "pull", "gemma-4-e2b:q8_0")
        check(OTHER in here(place) and MODEL not in here(place), here(place))
        models(place, host, "pull", host.repository + "/" + MODEL)
        models(place, host, "pull", host.url + "/store/" + MODEL + "?download=true")  # the same name: here already
        run = models(place, host, "pull", "gemma-4-e2b:q3_k", code=57)
        check("q3_k" in run.stderr and OTHER in run.stderr, run.stderr)
        models(place, host, "default", OTHER)
        check(models(place, host, "default").stdout == OTHER + "\n", "default")
        check(f"* {OTHER}" in models(place, host, "list").stdout, "the mark")
        check(OTHER in place.carat("exec", "hello", code=None).stderr, "the default is what is opened")
        models(place, host, "default", "none")
        for what, code in (("no-such", 57), ("a/b", 57), (host.url + "/store/x.bin", 2), (host.url + "/store/.gguf", 2)):
            models(place, host, "pull", what, code=code)
        for words in (("rm", "../conversations.db"), ("rm",), ("frob",)):
            models(place, host, *words, code=2)


def case_resume():
    with Place() as place, ModelHost(files()) as host:
        size = len(host.files[MODEL])
        host.faults = [("cut", 1000000), ("status", 503), ("cut", 1000000)]
        models(place, host, "pull", host.repository + "/" + MODEL)
        ranges = [headers.get("Range") for path, headers in host.requests if path.startswith("/store/")]
        check(ranges == [None, "bytes=1000000-", "bytes=1000000-", "bytes=2000000-"], ranges)
        check(body(place, MODEL) == host.files[MODEL], "the bytes")
        models(place, host, "rm", MODEL)

        # Stopped by the user halfway; the next run goes on.
        host.faults, host.requests = [("slow", 60)], []
        run = subprocess.Popen([CARAT, "models", "pull", host.repository + "/" + MODEL, "--set", "models.host=" + host.url],
                               cwd=place.work, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check(host.halfway.wait(PATIENCE), "halfway")
        part = os.path.join(folder(place), MODEL + ".part")
        while os.path.getsize(part) < size // 2:
            time.sleep(0.01)
        with open(part) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                check(False, "the part is not locked")
            except BlockingIOError:
                pass
        check("another carat" in models(place, host, "pull", host.repository + "/" + MODEL, code=1).stderr, "one at a time")
        run.send_signal(signal.SIGINT)
        check(run.wait(PATIENCE) == 130, run.communicate())
        check(MODEL not in here(place), here(place))
        host.requests = []
        models(place, host, "pull", host.repository + "/" + MODEL)
        check(host.requests[-1][1]["Range"] == f"bytes={size // 2}-", host.requests[-1])
        check(body(place, MODEL) == host.files[MODEL] and here(place) == sorted([MODEL, "SHA256SUMS"]), here(place))

        # The server's file is another one meanwhile: what is there is worth nothing.
        models(place, host, "rm", MODEL)
        host.faults = [("cut", 500000)] + [("status", 404)]
        models(place, host, "pull", host.repository + "/" + MODEL, code=57)
        host.files[MODEL] = host.files[MODEL][:-5] + b"other"
        models(place, host, "pull", host.repository + "/" + MODEL)
        check(body(place, MODEL) == host.files[MODEL], "the new file, from its beginning")
        models(place, host, "rm", MODEL)
        host.faults = [("cut", 500000), "ignore-range"]
        models(place, host, "pull", host.repository + "/" + MODEL)
        check(body(place, MODEL) == host.files[MODEL], "a server that knows no ranges")


def case_refused():
    with Place() as place, ModelHost(files()) as host:
        what = host.repository + "/" + MODEL
        wrong = "0" * 64
        run = models(place, host, "pull", what, wrong, code=1)
        check(wrong in run.stderr and hashlib.sha256(host.files[MODEL]).hexdigest() in run.stderr, run.stderr)
        check(here(place) == [], here(place))
        host.says_sums = False
        run = models(place, host, "pull", what)
        check("nothing to compare it with" in run.stdout, run.stdout)
        models(place, host, "rm", MODEL)
        host.claim = 10 ** 15
        run = models(place, host, "pull", what, code=1)
        check("the disk has room for" in run.stderr and len(host.requests) < 8, run.stderr)
        host.claim = None
        host.faults = [("status", 403)]
        run = models(place, host, "pull", what, code=1)
        check("go away" in run.stderr and "\x1b" not in run.stderr, run.stderr)

        # A key goes to its host, and not to where that redirects.
        host.key, host.requests = "secret-key", []
        check("HF_TOKEN" in models(place, host, "pull", what, code=1).stderr, "a key is asked for")
        models(place, host, "pull", what, HF_TOKEN="secret-key")
        for path, headers in host.requests:
            check(not path.startswith("/store/") or "Authorization" not in headers, (path, headers))
        models(place, host, "rm", MODEL)
        with ModelHost(files()) as stranger:
            models(place, host, "pull", stranger.url + "/" + what.replace(MODEL, "resolve/main/" + MODEL), HF_TOKEN="secret-key")
            check(stranger.requests and all("Authorization" not in headers for _, headers in stranger.requests), stranger.requests)


main(globals())
