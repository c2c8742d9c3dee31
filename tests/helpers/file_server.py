"""A real HTTP server with ranges, redirections, and the ways in which downloads go wrong."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server has and how it behaves; tests change it between requests."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)  # bytes; one entry per request
    statuses: list[int] = field(default_factory=list)  # errors before it behaves
    ranges: bool = True
    tagged: bool = True
    pages: set[str] = field(default_factory=set)  # served as HTML
    asked: list[str] = field(default_factory=list)  # the Range header of each request, or ""


@contextmanager
def serving() -> Iterator[Site]:
    """A running server."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            answer(self, site)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    name = request.path.rpartition("/")[2]
    if request.path.startswith("/hub/"):
        request.send_response(302)
        request.send_header("X-Repo-Commit", "c0ffee")
        request.send_header("X-Linked-Etag", f'"{hashlib.sha256(site.files[name]).hexdigest()}"')
        request.send_header("Location", f"/{name}")
        request.end_headers()
        return
    site.asked.append(request.headers.get("Range", ""))
    if site.statuses:
        request.send_error(site.statuses.pop(0))
        return
    if name not in site.files:
        request.send_error(404)
        return
    content = site.files[name]
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    start = 0
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if wanted and site.ranges and request.headers.get("If-Range", tag) == tag:
        start = int(wanted[1])
        if start >= len(content):
            request.send_error(416)
            return
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    else:
        request.send_response(200)
    if site.tagged:
        request.send_header("ETag", tag)
    kind = "text/html; charset=utf-8" if name in site.pages else "application/octet-stream"
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(content) - start))
    request.end_headers()
    stop = start + site.break_after.pop(0) if site.break_after else len(content)
    request.wfile.write(content[start:stop])
    request.close_connection = True
