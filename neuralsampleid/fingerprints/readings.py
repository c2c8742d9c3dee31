"""A query's fingerprints, read at several speeds and pitches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from neuralsampleid.audio.feature_blocks import FeatureBlocks
from neuralsampleid.audio.ffmpeg import read_tracks
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.devices import Exact, computing
from neuralsampleid.fingerprints.fingerprinting import SILENCE_DB, fingerprint_track
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.fingerprints.store import StoreWriter, open_stores
from neuralsampleid.fingerprints.windows import BATCH, Windows
from neuralsampleid.models.reading_cnn import TEMPI, ReadingCnnEncoder

_FOLDER = "readings_{}"  # of a tempo, in a store of queries


class ReadingMaker:
    """Fingerprints a query that comes in blocks, once for each tempo.

    Args:
        encoder: in evaluation mode.
        precision: of the network; features and what is returned are float32.
    """

    def __init__(self, encoder: ReadingCnnEncoder, *, precision: Exact = "float32") -> None:
        self._encoder, self._precision = encoder, precision
        self._samples = 0
        self._blocks = FeatureBlocks(encoder.front_end)
        self._stretchers = [Stretcher(tempo) for tempo in TEMPI]
        self._windows = [Windows(encoder) for _ in TEMPI]
        self._embeddings: list[list[npt.NDArray[np.float32]]] = [[] for _ in TEMPI]
        self._left = np.zeros(0, np.float32)  # samples that fill no hop
        self._powers: list[npt.NDArray[np.float64]] = []  # mean squares of hops

    def feed(self, audio: Waveform) -> None:
        """Take more samples, float32 (samples,) at the encoder's rate."""
        self._samples += len(audio)
        self._measure(audio)
        for features in self._blocks.feed(audio):
            self._read(features)

    def finish(self, track_id: str = "") -> list[Segments]:
        """The segments of each tempo, in the order of ``TEMPI``.

        Returns:
            Embeddings are (n, pitches · d): those of all pitches, in their order, side by side.
            Times are the query's own. Where the query is shorter than a segment, it is padded with
            silence.
        """
        length, front_end = self._samples, self._encoder.front_end
        slowest = min(TEMPI)
        shortest = int(np.ceil(front_end.frames / slowest + 1)) * front_end.hop_length
        self.feed(np.zeros(max(0, shortest - length), np.float32))
        for features in self._blocks.finish():
            self._read(features)
        self._measure(np.zeros(front_end.hop_length, np.float32))
        heard = np.concatenate([[0.0], np.cumsum(np.concatenate(self._powers))])
        found = []
        for place, tempo in enumerate(TEMPI):
            self._encode(place, self._windows[place].finish())
            found.append(self._segments(track_id, place, tempo, length, heard))
        return found

    def _segments(
        self,
        track_id: str,
        place: int,
        tempo: float,
        length: int,
        heard: npt.NDArray[np.float64],
    ) -> Segments:
        front_end, count = self._encoder.front_end, self._windows[place].segments
        hop_s = front_end.hop_length / front_end.sample_rate
        starts = np.arange(count) * self._encoder.segment_hop / tempo  # frames
        ends = starts + front_end.frames / tempo
        first = np.minimum(starts.astype(int), len(heard) - 2)
        last = np.clip(ends.astype(int), first + 1, len(heard) - 1)
        power = (heard[last] - heard[first]) / (last - first)
        return Segments.of(
            {track_id: count},
            np.concatenate(self._embeddings[place])[:count],
            starts_s=starts * hop_s,
            ends_s=ends * hop_s,
            silent=10 * np.log10(np.maximum(power, 1e-20)) < SILENCE_DB,
            seconds=np.array([length / front_end.sample_rate]),
        )

    def _measure(self, audio: Waveform) -> None:
        hop = self._encoder.front_end.hop_length
        audio = np.concatenate([self._left, audio])
        whole = len(audio) // hop * hop
        self._powers.append(np.square(audio[:whole], dtype=np.float64).reshape(-1, hop).mean(1))
        self._left = audio[whole:]

    def _read(self, features: Tensor) -> None:
        for place, stretcher in enumerate(self._stretchers):
            self._encode(place, self._windows[place].feed(stretcher.feed(features)))

    @torch.inference_mode()
    def _encode(self, place: int, windows: Tensor) -> None:
        for batch in windows.split(BATCH) if len(windows) else ():
            with computing(batch.device, self._precision):
                read = self._encoder.read(batch)  # (pitches, n, d)
            flat = read.float().transpose(0, 1).flatten(1)
            self._embeddings[place].append(flat.cpu().numpy())


class Stretcher:
    """Magnitudes of a query as if it were played at the reference's speed, block by block.

    Args:
        tempo: the query's speed over the reference's.
    """

    def __init__(self, tempo: float) -> None:
        self._tempo = tempo
        self._kept: Tensor | None = None  # (bins, frames) from ``_first`` on
        self._first = self._given = 0

    def feed(self, features: Tensor) -> Tensor:
        """Take more magnitudes (bins, frames), and give those that can be told from them.

        Frame n of what is given lies at n / tempo; power is interpolated linearly.
        """
        if self._tempo == 1.0:
            return features
        kept = features if self._kept is None else torch.cat([self._kept, features], dim=1)
        end = self._first + kept.shape[1]
        # The last one with a frame on either side.
        count = int(np.floor((end - 1.0001) * self._tempo)) + 1
        places = torch.arange(self._given, max(count, self._given), dtype=torch.float64)
        places = places / self._tempo - self._first
        before = places.long()
        share = (places - before).to(features)
        power = kept.square()
        stretched = (power[:, before] * (1 - share) + power[:, before + 1] * share).sqrt()
        self._given = max(count, self._given)
        drop = max(0, int(self._given / self._tempo) - self._first)
        self._kept, self._first = kept[:, drop:].clone(), self._first + drop
        return stretched


def fingerprint_queries(
    encoder: ReadingCnnEncoder,
    tracks: pd.DataFrame,
    store: StoreWriter,
    *,
    precision: Exact = "float32",
) -> None:
    """Fingerprint a catalogue's queries into a store, as references are and at all readings.

    Args:
        encoder: in evaluation mode.
        tracks: ``track_id`` and ``path``.
        store: they are appended to it.
        precision: of the network.

    Raises:
        UserError: as of ``read_tracks``.
    """
    for track_id, audio in read_tracks(tracks, encoder.front_end.sample_rate, "fingerprint"):
        store.append(fingerprint_track(encoder, audio, track_id, precision=precision))
        read = read_query(encoder, audio, track_id, precision=precision)
        for place, segments in enumerate(read):
            store.within(_FOLDER.format(place)).append(segments)


def open_readings(folders: Sequence[str | Path]) -> dict[float, Segments] | None:
    """The readings of queries, by tempo; None if their encoder has but one.

    Args:
        folders: stores of queries, which ``fingerprint_queries`` wrote.

    Raises:
        UserError: as of ``open_stores``.
    """
    if not (Path(folders[0]) / _FOLDER.format(0)).exists():
        return None
    return {
        tempo: open_stores([Path(folder) / _FOLDER.format(place) for folder in folders])
        for place, tempo in enumerate(TEMPI)
    }


def read_query(
    encoder: ReadingCnnEncoder, audio: Waveform, track_id: str = "", *, precision: Exact = "float32"
) -> list[Segments]:
    """Fingerprints of a query at all tempi, see ``ReadingMaker``.

    Args:
        encoder: in evaluation mode.
        audio: float32 (samples,) at the encoder's sample rate.
        track_id: the query's name.
        precision: of the network.
    """
    maker = ReadingMaker(encoder, precision=precision)
    maker.feed(audio)
    return maker.finish(track_id)
