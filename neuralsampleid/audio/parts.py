"""Files of which libsndfile reads a part only, as streams that it reads whole.

It believes what the first frame of an MP3 says of its length, and reads the first of several
joined files. So MP3 frames are counted here and get a header that says how many there are, and
joined OGG files are taken apart.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import groupby
from mmap import ACCESS_READ, mmap
from pathlib import Path

Part = Path | io.BytesIO

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


def parts_of(path: Path) -> list[Part]:
    """The file itself, or the streams that take its place, one after the other.

    Raises:
        OSError: the file cannot be read.
    """
    if not path.stat().st_size:
        return [path]
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        if content[:4] == b"OggS":
            parts = _ogg_parts(content)
        elif content[:3] == b"ID3" or path.suffix.lower() == ".mp3":
            parts = _mp3_parts(content)
        else:
            parts = []
    return [io.BytesIO(part) for part in parts] or [path]


def _ogg_parts(content: mmap) -> list[bytes]:
    """The files that were joined to this one, if there are several."""
    begins: list[int] = []
    end = 0  # of the page before; what begins side by side belongs to one file
    for found in _OGG_BEGINS.finditer(content):
        place = found.start()
        if not begins or place != end:
            begins.append(place)
        sizes = content[place + 27 : place + 27 + content[place + 26]]
        end = place + 27 + len(sizes) + sum(sizes)
    ends = [*begins[1:], len(content)]
    return [content[a:b] for a, b in zip(begins, ends, strict=True)] if begins[1:] else []


def _mp3_parts(content: mmap) -> list[bytes]:
    """The frames of an MP3, a stream for each sample rate; none if its own header is right."""
    first = next(_frames(content, 0), None)
    if first is None:
        return []
    header, place, _ = first
    length = _said_length(content, place, header)
    if length and next(_frames(content, place + length), None) is None:
        return []
    parts = []
    for _, frames in groupby(_frames(content, 0), lambda frame: frame[0] & _FORMAT):
        sound = [
            (header, content[place : place + size])
            for header, place, size in frames
            if _said_length(content, place, header) is None
        ]
        if sound:
            joined = b"".join(frame for _, frame in sound)
            parts.append(_length_frame(sound[0][0], len(sound)) + joined)
    # Else the file is another that by chance has what looks like a frame.
    return parts if 2 * sum(map(len, parts)) > len(content) else []


def _frames(content: mmap, place: int) -> Iterator[tuple[int, int, int]]:
    """Header, place and size in bytes of each frame from a place on; what is none is passed."""
    known = 0  # a first frame is believed if another one of its format follows
    while place < len(content) - 4:
        header = _header(content, place)
        size = _frame_bytes(header)
        if size and header & _FORMAT != known:
            following = _header(content, place + size)
            size *= (following & _FORMAT) == header & _FORMAT or place + size == len(content)
        if size:
            known = header & _FORMAT
            yield header, place, size
            place += size
        elif (after := _after_tag(content, place)) > place:
            place = after
        else:
            place = content.find(b"\xff", place + 1)
            if place < 0:
                return


def _header(content: mmap, place: int) -> int:
    return int.from_bytes(content[place : place + 4].ljust(4, b"\0"), "big")


def _frame_bytes(header: int) -> int:
    """Bytes of the layer III frame with this header; 0 if it is none."""
    version, layer = header >> 19 & 3, header >> 17 & 3
    rate = _RATES[header >> 10 & 3] >> (0 if version == 3 else 1 if version == 2 else 2)
    kbits = _KBITS[version != 3][header >> 12 & 15]
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or not rate or not kbits:
        return 0
    return (144000 if version == 3 else 72000) * kbits // rate + (header >> 9 & 1)


def _after_tag(content: mmap, place: int) -> int:
    """Where the ID3 tag at a place ends; the place itself if there is none."""
    tag = content[place : place + 10]
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


def _said_length(content: mmap, place: int, header: int) -> int | None:
    """Bytes of all frames as the frame at a place says, 0 for "not said"; None: it is sound."""
    start = place + _side_bytes(header)
    if content[start : start + 4] not in (b"Xing", b"Info"):
        return 0 if content[place + 36 : place + 40] == b"VBRI" else None
    flags = _header(content, start + 4)
    # With the number of frames it says that of the bytes, or its length is as good as not said.
    return _header(content, start + 12) if flags & 3 == 3 else 0


def _length_frame(header: int, frames: int) -> bytes:
    """A frame without sound that says how many follow, by the header of one of them."""
    header = (header | 0x10000) & ~0xF200 | _FIVE  # no checksum, no padding
    said = b"Xing" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    start = header.to_bytes(4, "big").ljust(_side_bytes(header), b"\0")
    return (start + said).ljust(_frame_bytes(header), b"\0")
