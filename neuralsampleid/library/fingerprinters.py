"""What a catalogue of own music keeps of audio: an encoder's fingerprints, or landmarks.

Both are rows that follow each other in time, so that one catalogue, one way of adding to it and one
kind of query serve both; only ``finding`` tells them apart again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from neuralsampleid.audio.ffmpeg import read_any_audio
from neuralsampleid.audio.io import Waveform
from neuralsampleid.config import Landmarks
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.fingerprints.fingerprinting import fingerprint_track, segment_seconds
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.library.finding import TrackSegments
from neuralsampleid.library.probability import read_calibration
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.weights import (
    SHIPPED,
    SHIPPED_FILE,
    Architecture,
    Graph,
    architecture_of,
    load_any_encoder,
    weights_file,
)

LANDMARKS = "landmarks"  # the name, in place of weights, of the system that has none

LANDMARK_SETTINGS = Landmarks(tempo_step=0.04)  # as in the demo


class Fingerprinter(ABC):
    """Makes a track's rows.

    Attributes:
        sample_rate: of the audio that it wants, in Hz.
    """

    sample_rate: int

    @abstractmethod
    def fingerprint(self, audio: Waveform) -> TrackSegments:
        """The rows of a track, without what is silent.

        Args:
            audio: float32 (samples,).
        """

    def of_file(self, path: Path) -> TrackSegments:
        """The rows of a file.

        Raises:
            UserError: the file is missing or cannot be decoded.
        """
        return self.fingerprint(read_any_audio(path, self.sample_rate))


class EncoderFingerprinter(Fingerprinter):
    """A row is a segment's embedding."""

    def __init__(self, encoder: SegmentEncoder) -> None:
        """Take an encoder in evaluation mode."""
        self.encoder = encoder
        self.sample_rate = encoder.front_end.sample_rate

    def fingerprint(self, audio: Waveform) -> TrackSegments:
        track = fingerprint_track(self.encoder, audio)
        sounding = np.flatnonzero(~track.silent)
        return TrackSegments(
            sounding,
            track.starts_s[sounding],
            track.embeddings[sounding],
            float(track.seconds[0]),
        )


class LandmarkFingerprinter(Fingerprinter):
    """A row is a spectral peak: its number is its frame, its one value its bin."""

    def __init__(self, settings: Landmarks) -> None:
        self.settings = settings
        self.sample_rate = settings.sample_rate

    def fingerprint(self, audio: Waveform) -> TrackSegments:
        peaks = find_peaks(audio, self.settings)
        return TrackSegments(
            peaks.frames.astype(np.int64),
            peaks.frames.astype(float) * self.settings.frame_s,
            peaks.bins.astype(np.float32)[:, None],
            len(audio) / self.sample_rate,
        )


def peaks_of(track: TrackSegments) -> Peaks:
    """What a ``LandmarkFingerprinter`` found."""
    return Peaks(track.numbers.astype(np.int32), track.embeddings[:, 0].astype(np.int16))


def fingerprinter_for_new(
    name: str | None, architecture: Architecture | None, graph: Graph | None
) -> tuple[Fingerprinter, dict[str, Any]]:
    """What fingerprints a new catalogue's music, and what the catalogue says of it.

    Args:
        name: ``landmarks``, or of weights, see ``weights_file``; None: the default model.
        architecture: None if the checkpoint says it.
        graph: of ``gnn``, see ``load_any_encoder``.

    Raises:
        UserError: there are no weights, they do not fit, or do not say what they are of.
    """
    if name == LANDMARKS:
        return LandmarkFingerprinter(LANDMARK_SETTINGS), _about_landmarks(LANDMARK_SETTINGS)
    weights = weights_file(name or SHIPPED)
    known = architecture or architecture_of(weights)
    if known is None:
        raise UserError(
            f"{weights}: does not say what it is of, expected --encoder gnn or resnet_ibn"
        )
    encoder, settings = load_any_encoder(weights, known, graph)
    about = {
        "architecture": known,
        "graph": graph,
        "settings": settings.model_dump(mode="json", exclude={"training"}),
        "weights": str(weights.resolve()),
        "weights_sha256": sha256_of(weights),
        "calibration": read_calibration(weights),
        "embedding_size": encoder.embedding_size,
        "segment_s": segment_seconds(settings),
        "hop_s": encoder.segment_hop * encoder.front_end.hop_length / encoder.front_end.sample_rate,
    }
    return EncoderFingerprinter(encoder), about


def fingerprinter_of_catalogue(
    folder: Path, about: dict[str, Any], name: str | None
) -> Fingerprinter:
    """What made a catalogue; see ``weights_of_catalogue``."""
    return fingerprinter_by(weights_of_catalogue(folder, about, name), about)


def fingerprinter_by(weights: Path | None, about: dict[str, Any]) -> Fingerprinter:
    """What made a catalogue, by its weights; None: landmarks.

    Raises:
        UserError: the weights do not fit.
    """
    if weights is None:
        return LandmarkFingerprinter(Landmarks.model_validate(about["settings"]))
    return EncoderFingerprinter(load_any_encoder(weights, about["architecture"], about["graph"])[0])


def calibration_by(weights: Path | None) -> dict[str, Any] | None:
    """The calibration that lies beside weights; None: that of landmarks.

    Raises:
        UserError: the file is none.
    """
    return read_calibration(weights or SHIPPED_FILE.parent.with_name(LANDMARKS) / "landmarks")


def weights_of_catalogue(folder: Path, about: dict[str, Any], name: str | None) -> Path | None:
    """The file of the weights that made a catalogue; None for landmarks, which have none.

    Args:
        folder: the catalogue, for messages.
        about: what it says of itself.
        name: of its weights, see ``weights_file``; None: they are where they were, or the default
            model's.

    Raises:
        UserError: the file is missing or holds other weights than the catalogue's.
    """
    by_landmarks = about["architecture"] == LANDMARKS
    if by_landmarks or name == LANDMARKS:
        if name not in (None, LANDMARKS) or not by_landmarks:
            raise UserError(
                f"{folder}: made with {about['weights']}, found '{name}', expected the same, or "
                "another --out for these"
            )
        return None
    path = weights_file(name) if name else Path(about["weights"])
    if (
        not path.is_file()
        and SHIPPED_FILE.is_file()
        and sha256_of(SHIPPED_FILE) == about["weights_sha256"]
    ):
        path = SHIPPED_FILE  # this project lay elsewhere when the catalogue was made
    if not path.is_file():
        raise UserError(
            f"{path}: no such checkpoint, expected the weights that {folder} was made with; "
            "say with --weights where they are"
        )
    found = sha256_of(path)
    if found != about["weights_sha256"]:
        raise UserError(
            f"{path}: other weights (SHA-256 {found[:12]}…) than those that {folder} was made "
            f"with, expected {about['weights_sha256'][:12]}… or another --out for these"
        )
    return path


def _about_landmarks(settings: Landmarks) -> dict[str, Any]:
    return {
        "architecture": LANDMARKS,
        "graph": None,
        "settings": settings.model_dump(mode="json"),
        "weights": LANDMARKS,
        "weights_sha256": None,
        "calibration": calibration_by(None),
        "embedding_size": 1,
        "segment_s": settings.frame_s,
        "hop_s": settings.frame_s,
    }
