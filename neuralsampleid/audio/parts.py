"""Files of which libsndfile reads a part only, as streams that it reads whole.

It believes what the first frame of an MP3 says of its length, and reads the first of several
joined files. So MP3 frames are counted here and get a header that says how many there are, and
joined OGG files are taken apart. No more of a file than a block is in memory.
"""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 20  # bytes that are searched at once
# kbit/s of layer III, by the four bits of a frame's header: MPEG 1, then MPEG 2 and 2.5.
_KBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
_RATES = (44100, 48000, 32000, 0)  # Hz, of MPEG 1
_FORMAT = 0xFFFE0C00  # bits of a frame's header that do not change within a stream
_FIVE = 0x00005000  # the bit rate of a frame that has room for a length
# A page that begins a stream: version 0, flag 2, position 0, any serial number, page 0.
_OGG_BEGINS = re.compile(rb"OggS\0[\x02\x06]\0{8}.{4}\0{4}", re.DOTALL)
_OGG_BEGIN = 22  # bytes


@dataclass(frozen=True)
class Part:
    """A stream: the file itself, or a header and ranges of the file that follow each other."""

    path: Path
    ranges: tuple[tuple[int, int], ...] = ()  # begin and end in bytes; none: the whole file
    head: bytes = b""

    def source(self) -> bytes | BinaryIO:
        """What ``soundfile`` opens."""
        if not self.ranges:
            return os.fsencode(self.path)  # a name need not be text
        return io.BufferedReader(_Ranges(self), 1 << 16)


class _Ranges(io.RawIOBase):
    """A part of several ranges as one file."""

    def __init__(self, part: Part) -> None:
        self._file, self._place = part.path.open("rb", buffering=0), 0
        self._head, self._ranges = part.head, part.ranges
        sizes = (end - begin for begin, end in part.ranges)
        self._ends = list(accumulate(sizes, initial=len(part.head)))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._ends[-1])[whence]
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        number = bisect_right(self._ends, self._place)
        if number == len(self._ends):
            return 0
        left = self._ends[number] - self._place
        if number == 0:
            count = min(left, len(view))
            view[:count] = self._head[self._place : self._place + count]
        else:
            self._file.seek(self._ranges[number - 1][1] - left)
            count = self._file.readinto(view[:left])
        self._place += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Content:
    """A file's bytes, of which a block is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.size = file, os.fstat(file.fileno()).st_size

    def at(self, place: int, count: int) -> bytes:
        """The bytes from a place on, fewer where the file ends."""
        self._file.seek(place)
        return self._file.read(count)

    def find(self, sign: bytes, place: int) -> int:
        """Where a byte stands from a place on; the file's end if nowhere."""
        while text := self.at(place, 1 << 10):
            if (found := text.find(sign)) >= 0:
                return place + found
            place += len(text)
        return self.size


def parts_of(path: Path) -> list[Part]:
    """The file itself, or the streams that take its place, one after the other.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        content = _Content(file)
        begin = content.at(0, 4)
        if begin == b"OggS":
            parts = _ogg_parts(path, content)
        elif begin[:3] == b"ID3" or path.suffix.lower() == ".mp3":
            parts = _mp3_parts(path, content)
        else:
            parts = []
    return parts or [Part(path)]


def _ogg_parts(path: Path, content: _Content) -> list[Part]:
    """The files that were joined to this one, if there are several."""
    begins: list[int] = []
    end = 0  # of the page before; what begins side by side belongs to one file
    for block in range(0, content.size, _BLOCK):
        for found in _OGG_BEGINS.finditer(content.at(block, _BLOCK + _OGG_BEGIN - 1)):
            place = block + found.start()
            if not begins or place != end:
                begins.append(place)
            head = content.at(place, 27 + 255)
            sizes = head[27 : 27 + head[26]] if len(head) > 26 else b""
            end = place + 27 + len(sizes) + sum(sizes)
    ends = [*begins[1:], content.size]
    return [Part(path, ((a, b),)) for a, b in zip(begins, ends, strict=True)] if begins[1:] else []


def _mp3_parts(path: Path, content: _Content) -> list[Part]:
    """The frames of an MP3, a stream for each sample rate; none if its own header is right."""
    first = next(_frames(content, 0), None)
    if first is None:
        return []
    header, place, _ = first
    length = _said_length(content, place, header)
    if length and next(_frames(content, place + length), None) is None:
        return []
    streams = groupby(_frames(content, 0), lambda frame: frame[0] & _FORMAT)
    parts = [part for _, frames in streams if (part := _mp3_part(path, content, frames))]
    # Else the file is another that by chance has what looks like a frame.
    size = sum(len(part.head) + sum(b - a for a, b in part.ranges) for part in parts)
    return parts if 2 * size > content.size else []


def _mp3_part(path: Path, content: _Content, frames: Iterable[tuple[int, int, int]]) -> Part | None:
    """Frames of one format as a stream; None if none of them is of sound."""
    first, count, ranges = 0, 0, list[tuple[int, int]]()
    for header, place, size in frames:
        if _said_length(content, place, header) is not None:
            continue
        first, count = first or header, count + 1
        begin = ranges.pop()[0] if ranges and ranges[-1][1] == place else place
        ranges.append((begin, place + size))
    return Part(path, tuple(ranges), _length_frame(first, count)) if ranges else None


def _frames(content: _Content, place: int) -> Iterator[tuple[int, int, int]]:
    """Header, place and size in bytes of each frame from a place on; what is none is passed."""
    known = 0  # a first frame is believed if another one of its format follows
    while place < content.size - 4:
        header = _header(content, place)
        size = _frame_bytes(header)
        if size and header & _FORMAT != known:
            following = _header(content, place + size)
            size *= (following & _FORMAT) == header & _FORMAT or place + size == content.size
        if size:
            known = header & _FORMAT
            yield header, place, size
            place += size
        elif (after := _after_tag(content, place)) > place:
            place = after
        else:
            place = content.find(b"\xff", place + 1)


def _header(content: _Content, place: int) -> int:
    return int.from_bytes(content.at(place, 4).ljust(4, b"\0"), "big")


def _frame_bytes(header: int) -> int:
    """Bytes of the layer III frame with this header; 0 if it is none."""
    version, layer = header >> 19 & 3, header >> 17 & 3
    rate = _RATES[header >> 10 & 3] >> (0 if version == 3 else 1 if version == 2 else 2)
    kbits = _KBITS[version != 3][header >> 12 & 15]
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or not rate or not kbits:
        return 0
    return (144000 if version == 3 else 72000) * kbits // rate + (header >> 9 & 1)


def _after_tag(content: _Content, place: int) -> int:
    """Where the ID3 tag at a place ends; the place itself if there is none."""
    tag = content.at(place, 10)
    if len(tag) < 10 or tag[:3] != b"ID3":
        return place
    size = 0
    for byte in tag[6:]:
        size = size << 7 | byte & 0x7F
    return place + 10 + size


def _side_bytes(header: int) -> int:
    """Bytes from a frame's start to where a length may stand."""
    mono, first_version = header >> 6 & 3 == 3, header >> 19 & 3 == 3
    return 4 + ((17 if mono else 32) if first_version else (9 if mono else 17))


def _said_length(content: _Content, place: int, header: int) -> int | None:
    """Bytes of all frames as the frame at a place says, 0 for "not said"; None: it is sound."""
    start = place + _side_bytes(header)
    if content.at(start, 4) not in (b"Xing", b"Info"):
        return 0 if content.at(place + 36, 4) == b"VBRI" else None
    flags = _header(content, start + 4)
    # With the number of frames it says that of the bytes, or its length is as good as not said.
    return _header(content, start + 12) if flags & 3 == 3 else 0


def _length_frame(header: int, frames: int) -> bytes:
    """A frame without sound that says how many follow, by the header of one of them."""
    header = (header | 0x10000) & ~0xF200 | _FIVE  # no checksum, no padding
    said = b"Xing" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    start = header.to_bytes(4, "big").ljust(_side_bytes(header), b"\0")
    return (start + said).ljust(_frame_bytes(header), b"\0")
