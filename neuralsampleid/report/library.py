"""What ``nsid info`` says of a library."""

from __future__ import annotations

from datetime import datetime

from neuralsampleid import __version__
from neuralsampleid.library.schema import LibraryInfo
from neuralsampleid.library.store import Contents


def as_lines(contents: Contents) -> list[str]:
    """Size and systems of a library, each line a name and its value."""
    info, hours = contents.info, contents.seconds / 3600
    megabytes = contents.size / 1e6
    per_hour = f", {megabytes / hours:.1f} MB for an hour" if hours else ""
    changed = datetime.fromtimestamp(contents.changed).astimezone()
    return [
        f"music: {info.music}",
        f"tracks: {contents.tracks} in {contents.files} files, {hours:.1f} hours",
        *([f"shards: {contents.shards}"] if contents.shards else []),
        *(f"system: {system}" for system in _systems(info)),
        f"size: {megabytes:.1f} MB{per_hour}",
        f"changed: {changed:%Y-%m-%d %H:%M}",
        f"versions: library format {info.format}, nsid {__version__}",
    ]


def _systems(info: LibraryInfo) -> list[str]:
    encoder, landmarks = info.encoder, info.landmarks
    systems = []
    if encoder is not None:
        systems.append(
            f"fingerprints of {encoder.architecture}, weights {encoder.weights} "
            f"({encoder.weights_sha256[:8]}): {encoder.embedding_size} numbers for every "
            f"{encoder.hop_s:.2f} s, {_calibrated(encoder.calibration is not None)}"
        )
    if landmarks is not None:
        systems.append(f"landmarks, {_calibrated(landmarks.calibration is not None)}")
    return systems


def _calibrated(calibrated: bool) -> str:
    return "with calibrated probabilities" if calibrated else "without probabilities"
