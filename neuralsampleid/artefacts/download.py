"""Downloading a large file: resumed, retried, checked.

What has arrived lies in a ``.part`` file; beside it a ``.part.json`` says of which state of the
file it is a part, so that one that changed meanwhile is fetched anew and never pieced together.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any

from neuralsampleid.errors import UserError
from neuralsampleid.files import write_json

_CHUNK = 1 << 20  # bytes
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that another attempt may not meet
_GONE = {404, 410}
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The model hub tells these where it redirects to its storage: commit and SHA-256 of the file.
_HUB_VERSION, _HUB_SHA256 = "X-Repo-Commit", "X-Linked-Etag"
_LOG = logging.getLogger(__name__)


class UnavailableError(UserError):
    """A file is not to be had: the server does not answer, refuses it, or has none."""


class MissingFileError(UnavailableError):
    """There is no such file, neither now nor at a later attempt."""


@dataclass(frozen=True)
class Patience:
    """How long to go on."""

    attempts: int = 6  # in a row that bring nothing new
    first_wait_s: float = 1.0  # doubled each time
    longest_wait_s: float = 60.0
    timeout_s: float = 60.0  # without a byte


@dataclass(frozen=True)
class Downloaded:
    """A file that has arrived."""

    path: Path
    size: int  # bytes
    sha256: str
    version: str  # commit on the model hub; empty where the server does not say


class _InterruptedError(Exception):
    """Worth another attempt."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def download(
    url: str,
    target: Path,
    *,
    part: Path | None = None,
    sha256: str | None = None,
    size: int | None = None,
    sha1: str | None = None,
    patience: Patience | None = None,
) -> Downloaded:
    """Download a file; ``target`` appears whole and checked or not at all.

    Args:
        url: http or https; redirections are followed.
        target: where the file goes.
        part: where it grows, on the same file system; by default ``<target>.part``. An existing one
            is continued.
        sha256: what the file must have, if known.
        size: bytes that the file must have, if known.
        sha1: what the file must have, where its authors tell no better checksum.
        patience: attempts and waits; connections that break off and passing server errors are
            retried, and an attempt that brought something does not count.

    Raises:
        MissingFileError: the server says that there is no such file.
        UnavailableError: a refusal, or no end of interruptions.
        UserError: a web page in place of a file, or a wrong size or checksum.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url or 'empty URL'}: expected an address that begins with https://")
    part = part or target.with_name(f"{target.name}.part")
    resumed = part.exists()
    headers = _receive_all(url, part, patience or Patience())
    # The hub's own checksum is verified too: it is known before the first use.
    known = sha256 or _hub_sha256(headers)
    try:
        found = check_file(part, url, sha256=known, size=size, sha1=sha1)
    except UserError as error:
        _forget(part)
        if not resumed:
            raise
        # Perhaps the part was of something else, and the server could not tell.
        _LOG.warning("%s; it was resumed, so once more from the beginning", error)
        return download(
            url, target, part=part, sha256=sha256, size=size, sha1=sha1, patience=patience
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    size = part.stat().st_size
    part.replace(target)
    _forget(part)
    return Downloaded(target, size, found, headers.get(_HUB_VERSION, ""))


def check_file(
    path: Path,
    name: str,
    *,
    sha256: str | None = None,
    size: int | None = None,
    sha1: str | None = None,
) -> str:
    """The SHA-256 of a file that is no web page and is as expected.

    Args:
        path: the file.
        name: what messages call it.
        sha256: expected, if known.
        size: expected bytes, if known.
        sha1: expected, if known.

    Raises:
        UserError: it is a web page, or of another size or checksum.
    """
    with path.open("rb") as file:
        if file.read(512).lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise UserError(f"{name}: {_WEB_PAGE}")
        file.seek(0)
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        found_sha1 = hashlib.file_digest(file, "sha1").hexdigest() if sha1 is not None else None
    stored = path.stat().st_size
    if size is not None and stored != size:
        raise UserError(f"{name}: {stored} bytes, expected {size}")
    if sha256 is not None and found != sha256:
        raise UserError(f"{name}: SHA-256 {found}, expected {sha256}")
    if found_sha1 != sha1:
        raise UserError(f"{name}: SHA-1 {found_sha1}, expected {sha1}")
    return found


_WEB_PAGE = "a web page (HTML) in place of the file; the model hub serves files under 'resolve/'"


def _receive_all(url: str, part: Path, patience: Patience) -> Mapping[str, str]:
    """Fill the part file to its end, in as many attempts as it takes."""
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    while True:
        before = _stored(part)
        try:
            return _receive(url, part, patience.timeout_s)
        except _InterruptedError as error:
            failures = 0 if _stored(part) > before else failures + 1
            if failures >= patience.attempts:
                raise UnavailableError(
                    f"{url}: {error}, {failures} times in a row; {_stored(part)} bytes are kept, "
                    "a later attempt goes on from there"
                ) from error
            backoff = patience.first_wait_s * 2 ** max(failures - 1, 0)
            wait = min(max(backoff, error.wait_s), patience.longest_wait_s)
            _LOG.warning(
                "%s: %s; %d bytes so far, next attempt in %g s",
                *(url, error, _stored(part), wait),
            )
            time.sleep(wait)


def _receive(url: str, part: Path, timeout_s: float) -> Mapping[str, str]:
    """One request for what is missing; returns what the hub said about the file."""
    state, have = _read_state(part), _stored(part)
    if state.get("url", url) != url:
        _forget(part)
        state, have = {}, 0
    # Compressed on its way, a file would have other bytes and another length.
    headers = {"User-Agent": "neuralsampleid", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if state.get("validator"):
            headers["If-Range"] = state["validator"]
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=timeout_s) as answer:
            if answer.headers.get_content_type() == "text/html":
                raise UserError(f"{url}: {_WEB_PAGE}")
            start, total = _range(answer.status, answer.headers)
            if start and (start != have or state.get("total", total) != total):
                _forget(part)
                raise _InterruptedError("the file has changed since the download began")
            _write_state(part, url, answer.headers, total)
            _append(answer, part, start)
            redirects.note(answer.headers)
    except urllib.error.HTTPError as error:
        _refused(error, url, part)
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(f"the connection failed ({_reason(error)})") from error
    if total is not None and _stored(part) < total:
        raise _InterruptedError(f"the connection ended before byte {total}")
    return redirects.noted


def _append(answer: IO[bytes], part: Path, start: int) -> None:
    with part.open("ab" if start else "wb") as sink:
        while chunk := answer.read(_CHUNK):
            sink.write(chunk)


def _range(status: int, headers: Message) -> tuple[int, int | None]:
    """First byte of an answer, and the length of the whole file if the server says."""
    if status == http.client.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        if found is None:
            raise _InterruptedError("a partial answer that does not say of which bytes")
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _refused(error: urllib.error.HTTPError, url: str, part: Path) -> None:
    """Tell apart what passes, what is missing, and what stays refused."""
    with error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            # Nothing comes after what is here, so it is too long or whole but unchecked.
            _forget(part)
            raise _InterruptedError("the part does not fit the file") from error
        if error.code in _PASSING:
            wait = error.headers.get("Retry-After", "")
            seconds = float(wait) if wait.isdecimal() else 0.0
            raise _InterruptedError(f"the server answers {error.code}", seconds) from error
        if error.code in _GONE:
            raise MissingFileError(f"{url}: the server has no such file ({error.code})") from error
        raise UnavailableError(f"{url}: the server answers {error.code} {error.reason}") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections and notes what the hub says on the way."""

    def __init__(self) -> None:
        self.noted: dict[str, str] = {}

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self.note(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def note(self, headers: Message) -> None:
        for name in (_HUB_VERSION, _HUB_SHA256):
            if name in headers:
                self.noted.setdefault(name, str(headers[name]))


def _hub_sha256(headers: Mapping[str, str]) -> str | None:
    tag = headers.get(_HUB_SHA256, "").strip('"')
    return tag if _SHA256.fullmatch(tag) else None


def _state_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_state(part: Path) -> dict[str, Any]:
    try:
        state = json.loads(_state_file(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write_state(part: Path, url: str, headers: Message, total: int | None) -> None:
    tag = headers.get("ETag", "")
    # A weak tag may stand for other bytes.
    validator = headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
    state = {"url": url, "validator": validator}
    write_json(_state_file(part), state if total is None else {**state, "total": total})


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


def _stored(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
