"""The way of shell commands out: none by default, and with tools.network to what it names, through the proxy, inside the
real sandbox. Run as network.py CASE BUILD-FOLDER SOURCE-FOLDER."""
import http.server
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from descendants import adopt_orphans, proxies_come
from place import *


def call(name, **arguments):
    inner = ",".join(f'{key}:<|"|>{value}<|"|>' for key, value in arguments.items())
    return f"<|tool_call>call:{name}{{{inner}}}<tool_call|>"


class Server:
    """Counts what reaches it."""

    def __enter__(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.hits += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"lantern")

            def log_message(self, *unused):
                pass

        self.hits = 0
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.http.shutdown()
        self.http.server_close()


# In the sandbox: what the proxy, a direct connection and DNS say.
ASK = """
import os, socket, sys
host, port = sys.argv[1], int(sys.argv[2])
proxy = os.environ.get("http_proxy", "")
print("proxy", "set" if proxy else "unset")
if proxy:
    address = proxy.rsplit("/", 1)[1].split(":")
    for request in ("GET http://%s:%d/ HTTP/1.1\\r\\n\\r\\n" % (host, port),
                    "CONNECT %s:%d HTTP/1.1\\r\\n\\r\\n" % (host, port)):
        with socket.create_connection((address[0], int(address[1])), 20) as s:
            s.sendall(request.encode())
            if request.startswith("CONNECT"):
                answer = s.recv(4096).decode()
                if " 200 " in answer:
                    s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            else:
                answer = ""
            while True:
                more = s.recv(4096)
                if not more:
                    break
                answer += more.decode()
            print(request.split()[0], answer.split("\\r\\n")[0], answer.rsplit("\\n", 1)[-1] or answer.split("\\n")[-2])
try:
    socket.create_connection((host, port), 3)
    print("direct yes")
except OSError:
    print("direct no")
try:
    socket.getaddrinfo("example.org", 80)
    print("dns yes")
except OSError:
    print("dns no")
"""


def ask(place, host, port, *words):
    place.write("ask.py", ASK)
    command = f"python3 ask.py {host} {port}"
    events = place.events("-m", script(place, call("shell", command=command), "Done.<turn|>"), *words, "go")
    return items(events, "command_execution")[0]["aggregated_output"]


def case_none():
    with Place() as place, Server() as server:
        said = ask(place, "127.0.0.1", server.port)
        check("proxy unset" in said and "direct no" in said and "dns no" in said, said)
        check(server.hits == 0, "it was reached")


def case_allowed():
    with Place() as place, Server() as server:
        said = ask(place, "127.0.0.1", server.port, "--allow-network", f"127.0.0.1:{server.port}")
        check("proxy set" in said and "direct yes" in said and "dns no" in said, said)
        check("GET HTTP/1.0 200 OK lantern" in said, said)
        check("CONNECT HTTP/1.1 200 Connection established lantern" in said, said)
        check(server.hits == 2, server.hits)


# In the sandbox: programs that know of no proxy, or pass it by for this machine, and a server of the command's own.
PLAIN = """
import http.server, socket, sys, threading, urllib.request
class Own(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"own")
    def log_message(self, *unused):
        pass
own = http.server.HTTPServer(("127.0.0.1", 0), Own)
threading.Thread(target=own.serve_forever, daemon=True).start()
for host, port in [word.rsplit(":", 1) for word in sys.argv[1:]] + [("127.0.0.1", own.server_address[1])]:
    try:
        print(host, urllib.request.urlopen("http://%s:%s/" % (host, port), timeout=20).read().decode())
    except OSError as problem:
        print(host, "none")
with socket.create_connection(("127.0.0.1", int(sys.argv[1].rsplit(":", 1)[1])), 20) as raw:
    raw.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print("raw", b"".join(iter(lambda: raw.recv(4096), b"")).decode().rsplit("\\n", 1)[-1])
"""


def case_this_machine():
    """An opened address of this machine is reached by any program, another one is not, and the command's own servers stay."""
    with Place() as place, Server() as server, Server() as other, Server() as named, Server() as gone:
        gone.http.server_close()
        place.write("plain.py", PLAIN)
        words = f"127.0.0.1:{server.port} 127.0.0.1:{other.port} localhost:{named.port} 127.0.0.1:{gone.port}"
        opens = [word for host, port in (("127.0.0.1", server.port), ("localhost", named.port), ("127.0.0.1", gone.port))
                 for word in ("--allow-network", f"{host}:{port}")]
        said = place.carat(*opens, "sandbox", "--", "sh", "-c", f"python3 plain.py {words}").stdout
        check(said == "127.0.0.1 lantern\n127.0.0.1 none\nlocalhost lantern\n127.0.0.1 none\n127.0.0.1 own\nraw lantern\n", said)
        check((server.hits, other.hits, named.hits) == (2, 0, 1), (server.hits, other.hits, named.hits))


def case_refused():
    """Another port, another name for this machine, and a name that the list has and that leads here."""
    with Place() as place, Server() as server:
        for host, allowed in (("127.0.0.1", f"127.0.0.1:{server.port + 1}"), ("localhost", f"127.0.0.1:{server.port}"),
                              ("2130706433", f"2130706433:{server.port}")):
            said = ask(place, host, server.port, "--allow-network", allowed)
            check("GET HTTP/1.1 403 Forbidden" in said and "CONNECT HTTP/1.1 403 Forbidden" in said, said)
            named = f"({host}:{server.port} is not among the hosts of tools.network; carat --allow-network opens it)"
            check(host == "2130706433" or said.count(named) == 2, said)  # which host, and what opens it, in the status line
        check(server.hits == 0, "it was reached")


def case_nothing_is_left():
    adopt_orphans()
    with Place() as place, ThreadPoolExecutor(1) as beside:
        runs = beside.submit(proxies_come, True)
        place.events("-m", script(place, call("shell", command="sleep 2"), "Done.<turn|>"), "--allow-network", "127.0.0.1:1", "go")
        check(runs.result(), "no proxy was seen while the command ran")
        check(proxies_come(False), "a proxy outlived its command")


def case_opened_once():
    """A question about a command that names hosts offers just these; nothing that the model, a file or a result says opens them."""
    with Place() as place, Server() as named, Server() as other:
        place.write("get.py", "import sys, urllib.request\n"
                              "for url in sys.argv[1:]:\n"
                              "    try:\n"
                              "        print(urllib.request.urlopen(url, timeout=20).read().decode())\n"
                              "    except Exception:\n"
                              "        print('refused')\n")
        place.write("w", "w\nW\nnetwork: yes\n")  # a word of a file is no answer
        command = f"cat w; python3 get.py http://127.0.0.1:{named.port}/ $(echo http)://127.0.0.1:{other.port}/"
        turns = [call("shell", command=f"echo turn {i}; {command}") + "<|tool_response>" for i in range(4)]
        screen = Screen(place, "-m", script(place, *turns, "w\n"), columns=120, rows=60)
        try:
            screen.wait("script")
            screen.say("get it")
            text = screen.wait(f"w and W let it reach: 127.0.0.1:{named.port}", "once with network", "y once")
            check(str(other.port) not in text.split("let it reach")[1].split("\n")[0], text)
            # The control: the same command without; then once, which was for once; then for this session.
            for i, (key, hits) in enumerate((("y", 0), ("w", 1), ("y", 1), ("W", 2))):
                screen.wait(f"echo turn {i}", "y once")
                time.sleep(1)
                screen.key(key)
                screen.wait(f"echo turn {i + 1}" if i < 3 else "> Ask something")
                check(named.hits == hits and other.hits == 0, screen.text() + str((i, named.hits, other.hits)))
        finally:
            screen.close()
        kept = place.database().execute("select decided_by from calls order by asked_ms").fetchall()
        check([by for by, in kept] == ["user", "user, with network", "user", "user, with network"], kept)
        # Nobody is asked in exec, and an argument of that name is none.
        place.carat("exec", "-m", script(place, turns[0], "No."), "get it")
        place.carat("exec", "-m", script(place, call("shell", command=command, network="yes") + "<|tool_response>", "No."), "get it")
        check(named.hits == 2 and other.hits == 0, (named.hits, other.hits))
        why = place.carat("policy", "why", f"shell({command})").stdout
        check(f"network        none; where it is asked about, w opens for it just 127.0.0.1:{named.port} (this machine)\n" in why, why)


main(globals())
