"""Where the music comes from, and how it is cut into stems and shards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from neuralsampleid.config.base import Section

Grade = Literal["loops", "producer", "buried"]


class DemoData(Section):
    """The built-in demo: how much music is composed."""

    kind: Literal["demo"] = "demo"
    sample_rate: Annotated[int, Field(ge=22050)] = 22050  # Hz
    training_songs: Annotated[int, Field(ge=2)] = 96
    training_seconds: Annotated[float, Field(ge=10)] = 20.0
    references: PositiveInt = 40
    noise_songs: PositiveInt = 60
    queries: PositiveInt = 80
    min_seconds: Annotated[float, Field(ge=30)] = 45.0
    max_seconds: Annotated[float, Field(ge=30)] = 75.0

    @model_validator(mode="after")
    def _ordered(self) -> DemoData:
        if self.min_seconds > self.max_seconds:
            raise ValueError(f"min_seconds {self.min_seconds} exceeds max_seconds")
        return self


class CatalogueData(Section):
    """An existing catalogue: a folder with ``tracks.csv`` and ``occurrences.csv``."""

    kind: Literal["catalogue"]
    folder: str


class Sample100Data(Section):
    """Sample100 with the Sample100-ext annotations; its audio is nobody's to share."""

    kind: Literal["sample100"]
    annotations: str  # folder with samples.csv, tracks.csv and annotations/S*.json
    audio: str | None = None  # folder with files named by track id; None: annotations alone
    noise: str | None = None  # folder of which every audio file is a noise track

    @property
    def annotation_files(self) -> list[str]:
        """What a catalogue is made from."""
        return [
            f"{self.annotations}/{name}" for name in ("samples.csv", "tracks.csv", "annotations")
        ]


class FmaData(Section):
    """Clips of the Free Music Archive to train on, Sample100 to evaluate on."""

    kind: Literal["fma"]
    subset: Literal["small", "medium", "large"] = "medium"
    folder: str | None = None  # holds fma_<subset>/000/000002.mp3 …; None: download
    metadata: str | None = (
        None  # fma_metadata/tracks.csv, for titles; None: download it too, or none
    )
    artefacts: str = "config/fma.csv"  # where the archives are; relative to the workflow
    evaluation: Sample100Data

    @property
    def downloads(self) -> list[str]:
        """Archives to download, that of the clips first; none if ``folder`` holds the clips."""
        metadata = ["fma_metadata.zip"] if self.metadata is None else []
        return [f"fma_{self.subset}.zip", *metadata] if self.folder is None else []

    def folders(self, unpacked: str) -> list[str | None]:
        """Folders of the clips and of the metadata: the user's, or in that of unpacked archives."""
        downloads = [f"{unpacked}/{name}" for name in self.downloads]
        return [self.folder or downloads[0], self.metadata or next(iter(downloads[1:]), None)]


class OwnMusicData(Section):
    """A person's folders of audio files and a table of which samples occur where."""

    kind: Literal["own_music"]
    references: str  # folder of what may be sampled
    queries: str  # folder of what may sample it
    annotations: str  # CSV in the format of occurrences.csv; tracks are paths relative to folders
    noise: str | None = None  # folder of what nobody samples; None: references alone are searched
    training: str | None = None  # folder to train on; None: encoders with pretrained weights only

    @property
    def folders(self) -> dict[str, str]:
        """Role → folder, of those that there are."""
        roles = {
            "train": self.training,
            "query": self.queries,
            "reference": self.references,
            "noise": self.noise,
        }
        return {role: folder for role, folder in roles.items() if folder is not None}


class RelationsData(Section):
    """A table of relations in a form of MTG/whosampled-130k-dataset, and the audio of it."""

    kind: Literal["relations"]
    relations: str  # WhoSampled-130k's .json, SamplePairs' .csv, Sample100's .json or .tsv of it
    audio: str  # folder with files named by audio id, such as YouTube's
    noise: str | None = None  # folder of which every audio file is a noise track


class FreeMusicData(Section):
    """Freely licensed music of Debian's packages; its queries are rendered from a recipe."""

    kind: Literal["free_music"]
    tracks: str = "config/free_music.csv"  # relative to the workflow, as the recipe
    recipe: str = "config/free_music_recipe.csv"
    folder: str = "results/free_music_audio"  # of the packages' audio, which runs share
    debs: str | None = None  # folder with .deb files, looked into first; None: apt-get download
    split: Literal["validation", "fitting", "test"] = "test"
    grades: Annotated[list[Grade], Field(min_length=1)] = ["loops", "producer", "buried"]
    queries: PositiveInt | None = None  # of each grade at most, the first ones; None: all
    packages: list[str] | None = None  # whose tracks alone are used, for trials; None: all
    # Of each training track, from its middle; None: encoders with pretrained weights only.
    training_seconds: Annotated[float, Field(ge=10)] | None = 75.0


AnyData = (
    DemoData
    | CatalogueData
    | Sample100Data
    | FmaData
    | OwnMusicData
    | RelationsData
    | FreeMusicData
)
Data = Annotated[AnyData, Field(discriminator="kind")]


class Separation(Section):
    """How training tracks become stems."""

    backend: Literal["htdemucs", "hpss", "precomputed"] = "hpss"
    model: str = "htdemucs"  # htdemucs: name of the model
    model_folder: str | None = None  # htdemucs: local folder; None: the package's own download
    stems_folder: str | None = None  # precomputed: <folder>/<track id>/<stem>.<ext>
    format: Literal["flac", "mp3"] = "flac"  # of the stems that are kept

    @property
    def name(self) -> str:
        """The folder of the stems: that of the model, or of the backend."""
        return self.model if self.backend == "htdemucs" else self.backend

    @model_validator(mode="after")
    def _complete(self) -> Separation:
        if self.backend == "precomputed" and self.stems_folder is None:
            raise ValueError("stems_folder is missing, which backend 'precomputed' needs")
        return self


class Shards(Section):
    """How many tracks one job takes at most; results do not depend on it."""

    separation: PositiveInt = 250  # training tracks that are separated, and packed into one file
    fingerprinting: PositiveInt = 100  # queries, references or noise tracks
