"""Downloading a large file: resumed, retried, checked.

huggingface_hub is not used: as of 2.4 it begins an interrupted download again from the start.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Annotated

from pydantic import BaseModel, ConfigDict, Field

from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of

_CHUNK = 1 << 20  # bytes
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that another attempt may not meet
_GONE = {404, 410}
_WEB_PAGE = "a web page (HTML) in place of the file; the model hub serves files under 'resolve/'"
# The model hub tells these where it redirects to its storage: commit and SHA-256 of the file.
_HUB_VERSION, _HUB_SHA256 = "x-repo-commit", "x-linked-etag"
_LOG = logging.getLogger(__name__)


class UnavailableError(UserError):
    """A file is not to be had: the server does not answer, refuses it, or has none."""


class MissingFileError(UnavailableError):
    """There is no such file, neither now nor at a later attempt."""


class Artefact(BaseModel):
    """A file that others have published; what is not known is empty or None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")]  # stays in its folder
    url: str = ""
    version: str = ""  # a commit, as a rule
    size: int | None = None  # bytes
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    sha1: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None


@dataclass(frozen=True)
class Patience:
    """How long to go on: connections that break off and passing server errors are retried."""

    attempts: int = 6  # in a row that bring nothing new
    first_wait_s: float = 1.0  # doubled each time
    longest_wait_s: float = 60.0
    timeout_s: float = 60.0  # without a byte


class _InterruptedError(Exception):
    """Worth another attempt."""


def download(artefact: Artefact, target: Path, patience: Patience | None = None) -> Artefact:
    """Download a file; ``target`` appears whole and checked or not at all.

    The file grows as ``<target>.part``, with which a later call goes on. It goes on only if the
    server can tell that the file is still the same, or a checksum will.

    Args:
        artefact: its URL (http or https), and what is known of the file.
        target: where the file goes; one that is there and has the known SHA-256 is taken.
        patience: attempts and waits.

    Returns:
        The same with size, SHA-256, and on the model hub the commit.

    Raises:
        MissingFileError: the server says that there is no such file.
        UnavailableError: a refusal, or no end of interruptions.
        UserError: a web page in place of a file, or a wrong size or checksum.
    """
    url, part = artefact.url, target.with_name(f"{target.name}.part")
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url or 'empty URL'}: expected an address that begins with https://")
    if artefact.sha256 is not None and target.exists() and sha256_of(target) == artefact.sha256:
        return artefact
    part.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists()
    headers = _receive_all(artefact, part, patience or Patience())
    # The hub's own checksum is verified too: it is known before the first use.
    tag = headers.get(_HUB_SHA256, "").strip('"')
    sha256 = artefact.sha256 or (tag if len(tag) == 64 else None)  # else it is git's own hash
    try:
        found = check_file(part, url, artefact.model_copy(update={"sha256": sha256}))
    except UserError as error:
        _forget(part)
        if not resumed:
            raise
        # Perhaps the part was of something else, and the server could not tell.
        _LOG.warning("%s; it was resumed, so once more from the beginning", error)
        return download(artefact, target, patience)
    size = part.stat().st_size
    part.replace(target)
    _forget(part)
    version = headers.get(_HUB_VERSION, artefact.version)
    return artefact.model_copy(update={"size": size, "sha256": found, "version": version})


def check_file(path: Path, name: str, expected: Artefact) -> str:
    """The SHA-256 of a file that is no web page and is as expected.

    Args:
        path: the file.
        name: what messages call it.
        expected: its size and checksums, as far as they are known.

    Raises:
        UserError: it is a web page, or of another size or checksum.
    """
    with path.open("rb") as file:
        if file.read(512).lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise UserError(f"{name}: {_WEB_PAGE}")
        file.seek(0)
        sha1 = hashlib.file_digest(file, "sha1").hexdigest() if expected.sha1 else None
    sha256 = sha256_of(path)
    for what, found, wanted in (
        ("size", path.stat().st_size, expected.size),
        ("SHA-256", sha256, expected.sha256),
        ("SHA-1", sha1, expected.sha1),
    ):
        if wanted is not None and found != wanted:
            raise UserError(f"{name}: {what} {found}, expected {wanted}")
    return sha256


def _receive_all(artefact: Artefact, part: Path, patience: Patience) -> Mapping[str, str]:
    """Fill the part file to its end, in as many attempts as it takes; returns the headers."""
    failures = 0
    while True:
        before = _stored(part)
        try:
            return _receive(artefact, part, patience.timeout_s)
        except _InterruptedError as error:
            stored = _stored(part)
            failures = 0 if stored > before else failures + 1
            if failures >= patience.attempts:
                raise UnavailableError(
                    f"{artefact.url}: {error}, {failures} times in a row; {stored} bytes are kept, "
                    "a later attempt goes on from there"
                ) from error
            wait = min(patience.first_wait_s * 2 ** max(failures - 1, 0), patience.longest_wait_s)
            _LOG.warning(
                "%s: %s; %d bytes so far, next attempt in %g s",
                *(artefact.url, error, stored, wait),
            )
            time.sleep(wait)


def _receive(artefact: Artefact, part: Path, timeout_s: float) -> Mapping[str, str]:
    """One request for what is missing; returns the headers, those of redirections too."""
    have, tag = _stored(part), _tag_file(part).read_text() if _tag_file(part).exists() else ""
    # Compressed on its way, a file would have other bytes and another length.
    headers = {"User-Agent": "neuralsampleid", "Accept-Encoding": "identity"}
    if have and (tag or artefact.sha256 or artefact.sha1):
        headers |= {"Range": f"bytes={have}-", **({"If-Range": tag} if tag else {})}
    redirects = _Redirects()
    request = urllib.request.Request(artefact.url, headers=headers)
    try:
        opener = urllib.request.build_opener(redirects)
        with opener.open(request, timeout=timeout_s) as answer:
            if answer.headers.get_content_type() == "text/html":
                raise UserError(f"{artefact.url}: {_WEB_PAGE}")
            tag = answer.headers.get("ETag", "")
            # A weak tag may stand for other bytes.
            _tag_file(part).write_text("" if tag.startswith("W/") else tag)
            with part.open("ab" if answer.status == http.client.PARTIAL_CONTENT else "wb") as sink:
                end = sink.tell() + int(answer.headers.get("Content-Length", 0))
                shutil.copyfileobj(answer, sink, _CHUNK)
    except urllib.error.HTTPError as error:
        raise _refusal(error, artefact.url, part) from error
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _InterruptedError(f"the connection failed ({reason})") from error
    if _stored(part) < end:
        raise _InterruptedError(f"the connection ended before byte {end}")
    return _lower(answer.headers) | redirects.headers


def _refusal(error: urllib.error.HTTPError, url: str, part: Path) -> Exception:
    """Tell apart what passes, what is missing, and what stays refused."""
    with error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            # Nothing comes after what is here, so it is too long or whole but unchecked.
            _forget(part)
            return _InterruptedError("the part does not fit the file")
        if error.code in _PASSING:
            return _InterruptedError(f"the server answers {error.code}")
        if error.code in _GONE:
            return MissingFileError(f"{url}: the server has no such file ({error.code})")
        return UnavailableError(f"{url}: the server answers {error.code} {error.reason}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections and keeps their headers."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self.headers |= _lower(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _tag_file(part: Path) -> Path:
    """What says of which state of the file the part is."""
    return part.with_name(f"{part.name}.tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def _stored(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
