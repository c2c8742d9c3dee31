"""The General MIDI soundfont, mended for symusic's synthesiser.

symusic 0.5.8 ignores the generator ``overridingRootKey`` of SoundFont 2 files, by which most
instruments of this soundfont say how high their samples are: it plays them up to two octaves off,
each by another interval. It does obey the root key in a sample's header, so each zone that
overrides it gets a header of its own; headers share the sound data.

It also reads a few values beyond the end of samples whose loops reach that far: whatever lies
there in memory, another thing each time. The format puts at least 46 zeros behind each sample, so
the ends in the headers are moved into those.
"""

from __future__ import annotations

import struct
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from neuralsampleid.errors import UserError

_SAMPLE, _ROOT_KEY = 53, 58  # generators of the SoundFont 2 specification
_GENERATOR = struct.Struct("<HH")  # operator, amount
_BAG = struct.Struct("<HH")  # index of a zone's first generator, of its first modulator
_HEADER = 46  # bytes of a sample header
_HEADER_END = 24  # where in it the sample's end stands
_HEADER_KEY = 40  # where in it the root key stands
_GUARD = 32  # of the zeros behind a sample


def write_soundfont(target: Path) -> Path:
    """Write the mended soundfont.

    Raises:
        UserError: pretty_midi or its soundfont is not installed.
    """
    target.write_bytes(mended(general_midi().read_bytes()))
    return target


def general_midi() -> Path:
    """The General MIDI soundfont that pretty_midi brings along.

    Raises:
        UserError: pretty_midi or its soundfont is not installed.
    """
    spec = find_spec("pretty_midi")
    path = Path(spec.origin).parent / "TimGM6mb.sf2" if spec and spec.origin else None
    if path is None or not path.exists():
        raise UserError("TimGM6mb.sf2: not found, expected the soundfont in pretty_midi's folder")
    return path


def mended(soundfont: bytes) -> bytes:
    """Give zones with an ``overridingRootKey`` headers with that key; move all samples' ends."""
    data = bytearray(soundfont)
    generators, _ = _chunk(soundfont, b"igen")
    headers, length = _chunk(soundfont, b"shdr")
    added: dict[tuple[int, int], int] = {}  # (sample, key) → number of the new header
    for places in _zones(soundfont, generators):
        if _ROOT_KEY not in places or _SAMPLE not in places:
            continue
        key = _GENERATOR.unpack_from(soundfont, places[_ROOT_KEY])[1]
        sample = _GENERATOR.unpack_from(soundfont, places[_SAMPLE])[1]
        # The last header only marks the end; new ones go before it.
        number = added.setdefault((sample, key), length // _HEADER - 1 + len(added))
        _GENERATOR.pack_into(data, places[_SAMPLE], _SAMPLE, number)
    end = headers + length - _HEADER
    data[end:end] = b"".join(
        _with_key(soundfont[headers + _HEADER * sample :][:_HEADER], key) for sample, key in added
    )
    for header in range(headers, end + _HEADER * len(added), _HEADER):
        (sample_end,) = struct.unpack_from("<I", data, header + _HEADER_END)
        struct.pack_into("<I", data, header + _HEADER_END, sample_end + _GUARD)
    grown = _HEADER * len(added)
    for size_at in (headers - 4, soundfont.rfind(b"pdta") - 4, 4):
        (size,) = struct.unpack_from("<I", data, size_at)
        struct.pack_into("<I", data, size_at, size + grown)
    return bytes(data)


def _zones(soundfont: bytes, generators: int) -> list[dict[int, int]]:
    """For each zone of each instrument, where in the file its generators stand."""
    bags, length = _chunk(soundfont, b"ibag")
    firsts = [_BAG.unpack_from(soundfont, bags + at)[0] for at in range(0, length, _BAG.size)]
    zones = []
    for begin, end in pairwise(firsts):
        places = [generators + _GENERATOR.size * index for index in range(begin, end)]
        zones.append({_GENERATOR.unpack_from(soundfont, place)[0]: place for place in places})
    return zones


def _with_key(header: bytes, key: int) -> bytes:
    return header[:_HEADER_KEY] + bytes([key]) + header[_HEADER_KEY + 1 :]


def _chunk(soundfont: bytes, name: bytes) -> tuple[int, int]:
    """Offset and length of a chunk's data; these chunks stand behind the sound, at the end."""
    offset = soundfont.rfind(name)
    (length,) = struct.unpack_from("<I", soundfont, offset + 4)
    return offset + 8, length
