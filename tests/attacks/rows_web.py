#!/usr/bin/env python3
"""W: pages that http_fetch must not reach, by every way of saying so, and answers that do not end.

What counts is what the server hears. The control of an address is that it is reached, or at least tried, once the user has
listed it; what is left over is counted in the addresses of `tools_http_hosts`.
"""
import gzip
import http.server
import socket
import threading

from rows import *

BOMB = gzip.compress(b"\0" * (64 << 20), 9)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_GET(self):
        self.server.heard.append((self.path, self.headers.get("Host")))
        path, _, target = self.path.partition("?")
        if path == "/to":
            self.send_response(int(target[:3]))
            self.send_header("Location", target[4:].replace("PORT", str(self.server.server_port)))
            self.end_headers()
        elif path == "/bomb":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.pour([BOMB])
        elif path == "/endless":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.pour(iter(lambda: b"x" * 65536, None))
        else:
            body = b"the page"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def pour(self, pieces):
        try:
            for piece in pieces:
                self.wfile.write(piece)
                self.server.poured += len(piece)
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard, self.poured = [], 0

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.shutdown()
        self.server_close()


def fetch(place, urls, hosts, env=None):
    words = [word for host in hosts for word in ("--allow-host", host)]
    return [text for text, _ in Session(place, *[call("http_fetch", url=url) for url in urls], words=words, env=env).whole(len(urls))]


ADDRESSES = [
    ("W01", "127.0.0.1"), ("W02", "127.1"), ("W03", "2130706433"), ("W04", "0x7f.1"), ("W05", "0177.0.0.1"), ("W06", "0.0.0.0"),
    ("W07", "[::1]"), ("W08", "[::ffff:127.0.0.1]"), ("W09", "[::ffff:7f00:1]"), ("W10", "[fe80::1%25lo]"), ("W11", "[64:ff9b::7f00:1]"),
    ("W12", "[2002:7f00:1::]"), ("W13", "localhost"), ("W14", "localhost."), ("W15", "name.localhost"), ("W24", "169.254.169.254"),
]


def addresses(place, server):
    """Names are listed that lead here, numbers are not; then all are listed."""
    port = server.server_port
    urls = [f"http://{host}:{port}/text" for _, host in ADDRESSES]
    said = fetch(place, urls, ["example.org", f"name.localhost:{port}", f"*.example.net:{port}"])
    heard = list(server.heard)
    literal = [host.replace("%25lo", "") for _, host in ADDRESSES]
    canonical = ["127.0.0.1" if host in ("127.1", "2130706433", "0x7f.1", "0177.0.0.1") else host.rstrip(".") for host in literal]
    listed = fetch(place, [url for url, host in zip(urls, literal) if host not in ("name.localhost", "[fe80::1]", "169.254.169.254")],
                   [f"{host}:{port}" for host in dict.fromkeys(canonical) if host != "name.localhost"])
    answers = iter(listed)
    for (number, host), text in zip(ADDRESSES, said):
        control = "not allowed" not in next(answers) if host not in ("name.localhost", "[fe80::1%25lo]", "169.254.169.254") else True
        report(number, host, (heard or "the page" in text) and f"{heard} {text}", control)
    check(len([text for text in listed if "the page" in text]) >= 6, f"the addresses lead to the server: {listed}")
    server.heard.clear()


def redirects(place, server, other):
    here = f"http://127.0.0.1:{server.server_port}"
    rows = [
        ("W16", "a name whose answers are all here, judged at the socket", f"http://two.localhost:{server.server_port}/text", 0),
        ("W17", "302 and 307 to a private address", f"{here}/to?302=http://localhost:{other.server_port}/text", 1),
        ("W17", "307", f"{here}/to?307=http://127.0.0.1:{other.server_port}/text", 1),
        ("W18", "302 to file:", f"{here}/to?302=file:///etc/hostname", 1),
        ("W19", "302 to gopher:", f"{here}/to?302=gopher://127.0.0.1:{other.server_port}/x", 1),
        ("W20", "user@host", f"http://127.0.0.1:{server.server_port}@localhost:{other.server_port}/text", 0),
        ("W20", "user@host in a redirect", f"{here}/to?302=http://127.0.0.1:PORT@localhost:{other.server_port}/text", 1),
        ("W21", "backslash in the host", f"http://localhost:{other.server_port}\\@127.0.0.1:{server.server_port}/text", 0),
        ("W22", "look-alike letter in the host", f"http://loc\u0430lhost:{other.server_port}/text", 0),
        ("W23", "port 0, 22, 25", "http://127.0.0.1:0/", 0), ("W23", "22", "http://127.0.0.1:22/", 0), ("W23", "25", "http://127.0.0.1:25/", 0),
        ("W25", "another Host by a line in the URL", f"{here}/text HTTP/1.1\r\nHost: evil.example", 0),
    ]
    allowed = [f"127.0.0.1:{server.server_port}", f"two.localhost:{server.server_port}"]
    said = fetch(place, [url for _, _, url, _ in rows] + [here + "/text", f"{here}/to?302=/text"], allowed)
    check("the page" in said[-2] and "the page" in said[-1], f"what is allowed is fetched: {said[-2:]}")
    check(all(host == f"127.0.0.1:{server.server_port}" for _, host in server.heard), server.heard)
    through = {}
    for (number, name, url, _), text in zip(rows, said):
        through.setdefault(number, [name, None])
        if "the page" in text or other.heard or "not allowed" not in text and "error" not in text:
            through[number][1] = f"{url}: {text}"
    for number, (name, reached) in through.items():
        report(number, name, reached, sum(path.startswith("/to") for path, _ in server.heard) >= 5)


def proxies(place, server):
    """No proxy of the environment is asked, so that no name is handed to one."""
    with Server() as other:
        relay = f"127.0.0.1:{other.server_port}"
        for number, name, variables in (("W26", "NUL in a name for SOCKS", {"ALL_PROXY": f"socks5h://{relay}"}),
                                        ("W27", "CONNECT by a proxy", {"HTTPS_PROXY": f"http://{relay}", "http_proxy": f"http://{relay}"})):
            said = fetch(place, ["http://good.example\0.evil.example/".replace("\0", "%00"), "https://other.example/", f"http://127.0.0.1:{server.server_port}/text"],
                         [f"127.0.0.1:{server.server_port}", "other.example"], variables)
            report(number, name, other.heard and f"{other.heard}", "the page" in said[2])


def endless(place, server):
    here = f"http://127.0.0.1:{server.server_port}"
    allowed = [f"127.0.0.1:{server.server_port}"]
    server.heard.clear()
    said = fetch(place, [f"{here}/to?302=/to?302=/to?302=/to?302=/to?302=/to?302=/to?302=/text",  here + "/endless", here + "/bomb"], allowed)
    hops = sum(path.startswith("/to") for path, _ in server.heard)
    report("W28", "endless redirect", (hops > 6 or "the page" in said[0]) and f"{hops} hops", hops > 1)
    report("W29", "endless body", (server.poured > (64 << 20) or len(said[1]) > 20000) and f"{server.poured} bytes", server.poured > (1 << 20))
    report("W30", "gzip bomb", len(said[2]) > 20000 and f"{len(said[2])} bytes", len(BOMB) < 100000)


def case_web():
    with Place() as place, Server() as server, Server() as other:
        addresses(place, server)
        redirects(place, server, other)
        proxies(place, server)
        endless(place, server)


main(globals())
