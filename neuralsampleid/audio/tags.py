"""Artist and title of a recording, by the tags in its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_LONGEST = 200  # characters that are kept of a tag


@dataclass(frozen=True)
class Tags:
    """What a file says of its recording; None: it says nothing."""

    artist: str | None = None
    title: str | None = None

    @property
    def name(self) -> str:
        """Such as ``Artist – Title``, or one of them alone; maybe empty."""
        return " – ".join(part for part in (self.artist, self.title) if part)


NO_TAGS = Tags()


def read_tags(path: Path) -> Tags:
    """The tags of a file: ID3, Vorbis comments, of MP4 and others; none if they cannot be read."""
    from tinytag import TinyTag, TinyTagException  # scripts without audio do without it

    try:
        found = TinyTag.get(path, duration=False)
    except (TinyTagException, OSError):
        return NO_TAGS
    return Tags(_plain(found.artist), _plain(found.title))


def _plain(text: str | None) -> str | None:
    """One line of characters that can be stored; None for nothing."""
    words = " ".join((text or "").replace("\0", " ").split())[:_LONGEST]
    return words.encode("utf-8", "replace").decode() or None
