"""A host of models for the tests, on 127.0.0.1: a listing, files behind a redirect, ranges, and faults on request.

`faults` is a list of what the next answers with a file do: ("cut", BYTES), ("status", CODE), ("slow", SECONDS), "ignore-range".
"""
import hashlib
import http.server
import json
import ssl
import threading


def wrapped(listener, certificate):
    """A socket that speaks TLS to whoever connects."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context.wrap_socket(listener, server_side=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def plain(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        host = self.server.host
        host.requests.append((self.path, dict(self.headers)))
        if self.path == f"/api/models/{host.repository}/tree/main?recursive=true":
            self.plain(200, json.dumps(host.listing()).encode())
        elif self.path.startswith(f"/{host.repository}/resolve/main/"):
            name = self.path.rsplit("/", 1)[1]
            if name not in host.files:
                self.plain(404, b"Entry not found")
            elif host.key is not None and self.headers.get("Authorization") != "Bearer " + host.key:
                self.plain(401, b"Access is restricted")
            else:
                sums = {"X_Linked_Etag": '"' + hashlib.sha256(host.files[name]).hexdigest() + '"'} if host.says_sums else {}
                self.plain(302, Location=f"{host.scheme}://localhost:{self.server.server_port}/store/{name}", **sums)
        elif self.path.startswith("/store/"):
            self.send_file(host.files[self.path.rsplit("/", 1)[1]])
        else:
            self.plain(404, b"Repository not found")

    def send_file(self, body):
        host = self.server.host
        fault = host.faults.pop(0) if host.faults else None
        kind, value = fault if isinstance(fault, tuple) else (fault, None)
        if kind == "status":
            return self.plain(value, b"go away \x1b[31m")
        etag = '"' + hashlib.md5(body).hexdigest() + '"'
        start = 0
        wanted = self.headers.get("Range")
        if wanted and kind != "ignore-range" and self.headers.get("If-Range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            return self.plain(416, Content_Range=f"bytes */{len(body)}")
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(host.claim or len(body) - start))
        self.end_headers()
        part = body[start:]
        if kind == "cut":
            self.wfile.write(part[:value])
            self.close_connection = True
        elif kind == "slow":
            self.wfile.write(part[:len(part) // 2])
            self.wfile.flush()
            host.halfway.set()
            host.over.wait(value)
            self.close_connection = True
        else:
            self.wfile.write(part)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *unused):
        pass  # a client that goes away is part of the tests


class ModelHost:
    repository = "ggml-org/gemma-4-E2B-it-GGUF"

    def __init__(self, files, certificate=None):
        """`certificate`: a file with a key and what it is signed by; the host speaks TLS then."""
        self.certificate = certificate
        self.files, self.faults, self.requests = files, [], []
        self.key, self.claim, self.says_sums = None, None, True
        self.halfway, self.over = threading.Event(), threading.Event()

    def listing(self):
        return [{"type": "file", "path": name, "size": len(body), "oid": "0",
                 "lfs": {"oid": hashlib.sha256(body).hexdigest(), "size": len(body)}} for name, body in self.files.items()]

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.host = self
        self.scheme = "http"
        if self.certificate is not None:
            self.scheme = "https"
            self.server.socket = wrapped(self.server.socket, self.certificate)
        self.url = f"{self.scheme}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
