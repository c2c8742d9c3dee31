"""What a library keeps of audio, and which weights and settings make it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from neuralsampleid.audio.ffmpeg import decode
from neuralsampleid.audio.io import NO_MEMORY
from neuralsampleid.audio.sound import KEPT, Resampler, Sound
from neuralsampleid.audio.tags import read_tags
from neuralsampleid.config import EncoderSettings, Landmarks, PeakFinding, ReadingCnn
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.landmarks.peaks import PeakFinder
from neuralsampleid.library.probability import FILE, read_calibration
from neuralsampleid.library.schema import EncoderInfo, LandmarkInfo, LibraryInfo
from neuralsampleid.library.store import Track
from neuralsampleid.models.weights import (
    SHIPPED,
    Architecture,
    Graph,
    architecture_of,
    load_any_encoder,
    weights_file,
)
from neuralsampleid.progress import progress_within

if TYPE_CHECKING:
    from neuralsampleid.fingerprints.fingerprinting import SegmentMaker
    from neuralsampleid.models.encoder import SegmentEncoder

    _Maker: TypeAlias = tuple[Resampler, SegmentMaker | PeakFinder]

LANDMARKS = "landmarks"  # given in place of weights: a library of landmarks alone
LANDMARK_CALIBRATION = Path(__file__).parents[1] / "landmarks" / FILE


class Fingerprinter:
    """Makes of audio what a library's systems compare.

    Args:
        load: gives the encoder, in evaluation mode; None where the library has no fingerprints.
        peaks: how peaks are found; None where the library has no landmarks.
    """

    def __init__(
        self, load: Callable[[], SegmentEncoder] | None = None, peaks: PeakFinding | None = None
    ) -> None:
        self.peaks, self._load = peaks, load

    @cached_property
    def _encoder(self) -> Future[SegmentEncoder] | None:
        return None if self._load is None else ThreadPoolExecutor(1).submit(self._load)

    def prepare(self) -> None:
        """Let a thread load the encoder: PyTorch takes seconds, in which a file can be read."""
        _ = self._encoder

    def of_file(self, path: Path, of_query: bool = False) -> Track:
        """Fingerprints, landmarks and tags of a file.

        Args:
            path: of the file.
            of_query: find its quiet peaks as well, which a library does not keep.

        Raises:
            UserError: the file is missing, cannot be decoded or is silent, or the memory does not
                suffice.
        """
        self.prepare()
        try:
            sound = decode(path)
            if sound.silent:
                raise UserError(f"{path}: silent throughout, expected some sound")
            return replace(self.of_sound(sound, path.name, of_query), tags=read_tags(path))
        except (MemoryError, RuntimeError) as error:  # PyTorch says it in its own way
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            raise UserError(f"{path}: {NO_MEMORY}") from error

    def of_sound(self, sound: Sound, name: str = "", of_query: bool = False) -> Track:
        """Fingerprints of what is not silent, and landmarks; a long sound is read once for both.

        Args:
            sound: is taken in blocks.
            name: of it, for the bar that tells how far a long one is.
            of_query: as of ``of_file``.
        """
        self.prepare()
        makers: list[_Maker] = []
        segments = peaks = None
        if self.peaks is not None:
            peaks = PeakFinder(self.peaks, of_query)
            makers.append((Resampler(sound.sample_rate, self.peaks.sample_rate), peaks))
        if self._encoder is not None:
            if sound.length <= KEPT:  # in memory; the encoder is being loaded
                _feed(makers, sound, name)
                makers = []
            from neuralsampleid.fingerprints.fingerprinting import SegmentMaker

            encoder = self._encoder.result()
            segments = SegmentMaker(encoder, nodes=False)
            rate = encoder.front_end.sample_rate
            makers.append((Resampler(sound.sample_rate, rate), segments))
        _feed(makers, sound, name)
        return Track(
            sound.seconds,
            None if segments is None else segments.finish().sounding(),
            None if peaks is None else peaks.finish(),
        )


def _feed(makers: Sequence[_Maker], sound: Sound, name: str) -> None:
    """Give all of a sound to several makers, in one reading."""
    for block in progress_within(sound.blocks(), name, sound.length, sound.length > KEPT):
        for resampler, maker in makers:
            maker.feed(resampler.feed(block))
    for resampler, maker in makers:
        maker.feed(resampler.finish())


def for_new_library(
    music: Path,
    name: str | None,
    architecture: Architecture | None,
    graph: Graph | None,
    threads: int | None = None,
    drums: bool = False,
) -> tuple[LibraryInfo, Fingerprinter]:
    """What a new library says of itself, and what makes its tracks.

    Args:
        music: the folder that is indexed.
        name: of weights, see ``weights_file``, or ``landmarks``; None: the shipped weights and
            landmarks, since what either finds, the other may miss.
        architecture: None if the checkpoint says it.
        graph: of ``gnn``, see ``load_any_encoder``.
        threads: of the encoder; None: PyTorch's choice.
        drums: have landmarks of the percussive part, which double the disk that landmarks take.

    Raises:
        UserError: there are no weights, they do not fit, or do not say what they are of; there are
            no landmarks, and ``drums`` asks for some.
    """
    if drums and name not in (None, LANDMARKS):
        raise UserError(f"--drums: is of landmarks, which a library with --weights {name} lacks")
    info = LibraryInfo(music=str(music))
    peaks = None
    if name in (None, LANDMARKS):
        peaks = PeakFinding() if drums else PeakFinding(percussive_n_fft=None)
        calibration = read_calibration(LANDMARK_CALIBRATION)
        own = LandmarkInfo(peaks=peaks, settings=Landmarks(), calibration=calibration)
        info = info.model_copy(update={"landmarks": own})
    if name == LANDMARKS:
        return info, Fingerprinter(peaks=peaks)
    weights = weights_file(name or SHIPPED)
    known = architecture or architecture_of(weights)
    if known is None:
        raise UserError(
            f"{weights}: does not say what it is of, expected --encoder gnn or resnet_ibn"
        )
    from neuralsampleid.fingerprints.fingerprinting import segment_seconds

    encoder, settings = _loaded(weights, known, graph, threads)
    front_end = encoder.front_end
    encoder_info = EncoderInfo(
        weights=SHIPPED if name in (None, SHIPPED) else str(weights.resolve()),
        weights_sha256=sha256_of(weights),
        architecture=known,
        graph=graph,
        embedding_size=encoder.embedding_size,
        segment_s=segment_seconds(settings),
        segment_hop=encoder.segment_hop,
        hop_s=encoder.segment_hop * front_end.hop_length / front_end.sample_rate,
        calibration=read_calibration(weights.with_name(FILE)),
    )
    return info.model_copy(update={"encoder": encoder_info}), Fingerprinter(lambda: encoder, peaks)


def of_library(
    folder: Path, info: LibraryInfo, name: str | None = None, threads: int | None = None
) -> tuple[LibraryInfo, Fingerprinter]:
    """What a library says of itself with today's calibrations, and what made its tracks.

    Args:
        folder: the library, for messages.
        info: what it says of itself.
        name: of its weights, see ``weights_file``; None: they are where they were.
        threads: of the encoder; None: PyTorch's choice.

    Raises:
        UserError: the weights are missing, or others than the library's.
    """
    if info.landmarks is not None:
        own = {"calibration": read_calibration(LANDMARK_CALIBRATION)}
        info = info.model_copy(update={"landmarks": info.landmarks.model_copy(update=own)})
    peaks = info.landmarks.peaks if info.landmarks else None
    if info.encoder is None:
        if name not in (None, LANDMARKS):
            raise UserError(
                f"{folder}: made with landmarks alone, found '{name}', expected no weights, or "
                "another --out for these"
            )
        return info, Fingerprinter(peaks=peaks)
    encoder = info.encoder
    weights = _weights(folder, encoder, name)
    # The weights may have moved without the file beside them.
    own = {"calibration": read_calibration(weights.with_name(FILE)) or encoder.calibration}
    info = info.model_copy(update={"encoder": encoder.model_copy(update=own)})

    def load() -> SegmentEncoder:
        loaded, _ = _loaded(weights, encoder.architecture, encoder.graph, threads)
        loaded.segment_hop = encoder.segment_hop
        return loaded

    return info, Fingerprinter(load, peaks)


def _loaded(
    weights: Path, architecture: Architecture, graph: Graph | None, threads: int | None
) -> tuple[SegmentEncoder, EncoderSettings]:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    encoder, settings = load_any_encoder(weights, architecture, graph)
    if isinstance(settings, ReadingCnn):
        raise UserError(
            f"{weights}: weights of a reading_cnn, which only the benchmark asks so far, expected "
            "those of a gnn, a resnet_ibn or a custom encoder"
        )
    return encoder, settings


def _weights(folder: Path, encoder: EncoderInfo, name: str | None) -> Path:
    """The file of the weights that made a library."""
    if name == LANDMARKS:
        raise UserError(
            f"{folder}: made with {encoder.weights}, found 'landmarks', expected the same, or "
            "another --out for these"
        )
    if name is None and encoder.weights != SHIPPED and not Path(encoder.weights).is_file():
        raise UserError(
            f"{encoder.weights}: no such checkpoint, expected the weights that {folder} was made "
            "with; say with --weights where they are"
        )
    path = weights_file(name or encoder.weights)
    found = sha256_of(path)
    if found != encoder.weights_sha256:
        raise UserError(
            f"{path}: other weights (SHA-256 {found[:12]}…) than those that {folder} was made "
            f"with, expected {encoder.weights_sha256[:12]}… or another --out for these"
        )
    return path
