#!/usr/bin/env python3
"""What carat takes from the environment, and what it does not: authorities, proxies, the log, the sandbox."""
import socket
import sys
import threading

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_host import ModelHost
from model_server import ModelServer
from place import *

AUTHORITY = os.path.join(SOURCE, "tests", "e2e", "host.pem")  # of localhost, signed by itself; its key too, for the host
# What the machine itself may have set; empty is as if it were not there.
CLEAN = {name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy",
                               "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")}
MODEL = "gemma-4-E2B-it-Q4_0.gguf"


def pull(place, host, code=0, url=None, **env):
    shutil.rmtree(os.path.join(place.home, "data", "models"), ignore_errors=True)
    run = place.carat("models", "pull", f"{host.repository}/{MODEL}", "--set", "models.host=" + (url or host.url), code=code, env={**CLEAN, **env})
    check((MODEL in os.listdir(os.path.join(place.home, "data", "models"))) == (code == 0), run)
    return run


def case_authorities():
    """Whose signature counts, for `models pull` and a server alike: the system's, or what the environment names; nothing is taken unsigned."""
    with Place() as place:
        folder = os.path.join(place.root, "certs")
        os.mkdir(folder)
        os.symlink(AUTHORITY, os.path.join(folder, "ce275665.0"))  # the name by which OpenSSL finds it
        ways = ({"SSL_CERT_FILE": AUTHORITY}, {"CURL_CA_BUNDLE": AUTHORITY, "SSL_CERT_FILE": "/nonexistent"}, {"SSL_CERT_DIR": folder})
        with ModelHost({MODEL: b"GGUF model"}, AUTHORITY) as host:
            for env in ways:
                pull(place, host, **env)
            check("ertificate" in pull(place, host, code=1).stderr, "without")
            pull(place, host, code=1, SSL_CERT_FILE="/nonexistent")
        with ModelServer(AUTHORITY) as server:
            words = ("exec", "-m", "remote:x", "--set", "remote.url=" + server.url(), "go")
            for env in ways:
                place.carat(*words, env={**CLEAN, **env})
            check("ertificate" in place.carat(*words, code=1, env=CLEAN).stderr, "without")


class Proxy:
    """Passes on what it is asked for to one port of this machine, and counts."""

    def __init__(self, port):
        self.port, self.asked = port, []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.listener.close()

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        method, target, rest = head.split(b" ", 2)
        self.asked.append(target.decode())
        path = b"/" + target.split(b"/", 3)[3]
        with client, socket.create_connection(("127.0.0.1", self.port)) as host:
            host.sendall(b" ".join((method, path, rest)).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            while piece := host.recv(65536):
                client.sendall(piece)


def case_proxies():
    """`models pull` goes where the user's environment says; a conversation goes to its server alone."""
    with Place() as place, ModelHost({MODEL: b"GGUF model"}) as host, Proxy(host.server.server_port) as proxy:
        away = {"url": "http://127.0.0.2:9"}
        pull(place, host, http_proxy=proxy.url, **away)
        check(proxy.asked and all(target.startswith(("http://127.0.0.2:9/", "http://localhost:")) for target in proxy.asked), proxy.asked)
        count = len(proxy.asked)
        pull(place, host, code=1, http_proxy=proxy.url, no_proxy="127.0.0.2", **away)
        pull(place, host, http_proxy=proxy.url, NO_PROXY="127.0.0.1,localhost")
        check(len(proxy.asked) == count, proxy.asked)
    with Place() as place, ModelServer() as server, Proxy(server.server.server_port) as proxy:
        everywhere = {name: proxy.url for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
        place.carat("exec", "-m", "remote:x", "--set", "remote.url=" + server.url(), "go", env=everywhere)
        check(server.requests and not proxy.asked, proxy.asked)


def case_log():
    """CARAT_LOG names the log's file, or that there is none."""
    with Place() as place:
        own, standard = os.path.join(place.root, "own.log"), os.path.join(place.home, "state", "carat.log")
        def run(**env):
            place.carat("exec", "-m", script(place, "Done."), "go", env=env)
            found = [path for path in (own, standard) if os.path.exists(path)]
            for path in found:
                os.remove(path)
            return found
        check(run() == [standard] and run(CARAT_LOG=own) == [own] and run(CARAT_LOG="off") == [], "where the log is")
        run = place.carat("exec", "-m", script(place, "Done."), "go", code=2, env={"CARAT_LOG": "here.log"})
        check("CARAT_LOG" in run.stderr and "absolute" in run.stderr, run.stderr)


def case_sandbox():
    """CARAT_SANDBOX can tighten; it takes nothing away, which the command line alone may."""
    touch = "<|tool_call>call:shell{command:<|\"|>touch made<|\"|>}<tool_call|>"
    with Place() as place:
        def made(*words, code=0, **env):
            run = place.carat("exec", *words, "-m", script(place, touch, "Done."), "go", code=code, env=env)
            there = os.path.exists(os.path.join(place.work, "made"))
            if there:
                os.remove(os.path.join(place.work, "made"))
            return there, run.stderr
        check(made()[0] and made(CARAT_SANDBOX="workspace-write")[0], "the control")
        check(not made(CARAT_SANDBOX="read-only")[0], "read-only")
        check(made("--sandbox", "workspace-write", CARAT_SANDBOX="read-only")[0], "the command line wins")
        for value, words in (("danger-full-access", "only --sandbox"), ("none", "must be one of")):
            there, said = made(code=2, CARAT_SANDBOX=value)
            check(not there and "CARAT_SANDBOX" in said and words in said, said)


main(globals())
