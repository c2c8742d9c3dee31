"""What a library says of itself: which music it is of, and which systems its tracks were made for.

One JSON document in the library, checked when it is read.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.library.chance import Chance
from neuralsampleid.library.probability import Calibration
from neuralsampleid.models.weights import Architecture, Graph


class _Info(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class EncoderInfo(_Info):
    """The encoder whose fingerprints a library holds."""

    weights: str  # their name where they ship with this package, else the absolute path
    weights_sha256: str
    architecture: Architecture
    graph: Graph | None  # as given; None: as the weights say
    embedding_size: int
    segment_s: float  # length of a segment, in seconds
    segment_hop: int  # from one segment to the next, in frames of the encoder's front end
    hop_s: float  # the same in seconds
    calibration: Calibration | None = None
    chance: Chance | None = None  # None: not measured, or too few tracks
    chance_of: str = ""  # digest of the tracks among which chance was measured


class LandmarkInfo(_Info):
    """How the landmarks that a library holds were made."""

    peaks: PeakFinding
    settings: Landmarks
    calibration: Calibration | None = None


class LibraryInfo(_Info):
    """A library has an encoder's fingerprints, landmarks, or both."""

    # 1: collection.sqlite and rows-<n>.f32, a folder for each system; 2: peaks in whole bins; 3:
    # fingerprints in 32 bits
    format: Literal[4] = 4
    music: str  # absolute path of the folder that was indexed
    encoder: EncoderInfo | None = None
    landmarks: LandmarkInfo | None = None
