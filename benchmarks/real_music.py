"""Samples of real music that are known because this script puts them there; see real_music.md.

Command: ``python benchmarks/real_music.py TRACKS --out SET --weights shipped`` (``--weights`` as
often as wanted, also ``landmarks``; ``--counted`` adds landmarks counted over whole queries, as
they are and searched over pitch and tempo). A quarter of the tracks is music that samples; the
others are indexed. SET is made once for a seed and used again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from neuralsampleid.audio.ffmpeg import read_any_audio
from neuralsampleid.audio.folder import audio_files
from neuralsampleid.audio.io import Waveform, read_audio, write_audio
from neuralsampleid.composer.mixing import db, normalised
from neuralsampleid.composer.produce import faded
from neuralsampleid.composer.treatment import Treatment, cut_and_treat, draw_treatment
from neuralsampleid.config import Landmarks
from neuralsampleid.files import sha256_of, write_csv
from neuralsampleid.landmarks.counts import LandmarkCounts
from neuralsampleid.landmarks.peaks import find_peaks
from neuralsampleid.library.fingerprinter import LANDMARKS
from neuralsampleid.library.identify import DEFAULT, Identifier, Thresholds
from neuralsampleid.library.update import index_music
from neuralsampleid.line import Line
from neuralsampleid.models.weights import weights_file
from neuralsampleid.studies.trials import ask

RATE = 22050  # Hz, of the queries
QUERY_S = 40.0
EXCERPT_S = (2.0, 8.0)
PASSAGE_S = (10.0, 20.0)  # for how long an excerpt is repeated
LEVEL_DB = (-3.0, 9.0)  # the music that samples over the sample
MARGIN_S = 5.0  # of a track's beginning and end that is neither sampled nor sampled over
LOCALISED_S = 1.0
COUNTED = "landmarks counted"
TEMPO = 100.0  # any: only ratios of tempi are drawn


@dataclass(frozen=True)
class Found:
    """One reference in the ranking of a query."""

    reference: str  # its file's name
    score: float
    given: bool  # whether the system itself calls it an answer
    probability: float | None  # that it is right, as the system says
    places: tuple[Callable[[float], float | None], ...]  # query's time → reference's time (s)


Ranking = list[Found]


def main() -> None:
    """Print one row per system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tracks", type=Path, help="folder of music")
    parser.add_argument("--out", type=Path, required=True, help="folder of the made set")
    parser.add_argument("--weights", action="append", default=[], help="as of nsid index")
    parser.add_argument("--trials", type=Path, help="a table to write, for calibrate_real.py")
    parser.add_argument("--counted", action="store_true", help="landmarks over whole queries, too")
    parser.add_argument(
        "--queries", type=int, default=24, help="with a sample, and as many without"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not (options.out / "annotations.csv").is_file():
        make_set(options.tracks, options.out, options.queries, options.seed)
    truth = pd.read_csv(options.out / "annotations.csv")
    queries = sorted((options.out / "queries").iterdir())
    references = len(list((options.out / "references").iterdir()))
    print(f"{references} references, {truth['query_id'].nunique()} queries with a sample, ", end="")
    print(f"{len(queries) - truth['query_id'].nunique()} without\n")
    print(
        "| system | first | in first 3 | within 1 s | first, above all but one without "
        "| given and right | given and wrong, of these foretold | queries without a sample that "
        "get one |\n|---|" + "---:|" * 7
    )
    for name in options.weights:
        if options.trials is not None:
            write_csv(options.trials, trials_of(options.out, queries, name, truth, options.threads))
        rankings = encoder_rankings(options.out, queries, name, options.threads)
        print(row_of(name, rankings, truth), flush=True)
    for searched in (False, True) if options.counted else ():
        name = f"{COUNTED}, {'searched' if searched else 'plain'}"
        print(row_of(name, landmark_rankings(options.out, queries, searched), truth), flush=True)


def make_set(tracks: Path, out: Path, count: int, seed: int) -> None:
    """Make ``references/`` (links), ``queries/`` (MP3) and, at last, ``annotations.csv``."""
    rng = np.random.default_rng(seed)
    paths = audio_files(tracks)
    order = [paths[place] for place in rng.permutation(len(paths))]
    backings, references = order[: len(order) // 4], order[len(order) // 4 :]
    for folder in ("references", "queries"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for path in references:
        link = out / "references" / f"{path.parent.name}_{path.name}"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    rows = []
    sampled = rng.permutation(len(references))
    for number in range(2 * count):
        name = f"{number:02}.mp3"
        query = section_of(rng, backings[number % len(backings)])
        if number < count:
            source = references[sampled[number % len(references)]]
            query, own = with_sample(rng, query, source)
            named = {"query_id": name, "reference_id": f"{source.parent.name}_{source.name}"}
            rows += [{**named, **row} for row in own]
        peak = float(np.abs(query).max())
        write_audio(out / "queries" / name, query * np.float32(0.89 / max(peak, 1e-9)), RATE)
    write_csv(out / "annotations.csv", pd.DataFrame(rows))


def section_of(rng: np.random.Generator, path: Path) -> Waveform:
    """``QUERY_S`` seconds of a track, at one level for all."""
    audio = normalised(read_any_audio(path, RATE), RATE)
    start = start_within(rng, len(audio) / RATE, QUERY_S)
    return audio[round(start * RATE) :][: round(QUERY_S * RATE)]


def start_within(rng: np.random.Generator, track_s: float, part_s: float) -> float:
    """Where a part begins that lies well within a track, if it has room for that."""
    return float(rng.uniform(MARGIN_S, max(MARGIN_S, track_s - MARGIN_S - part_s)))


def with_sample(
    rng: np.random.Generator, query: Waveform, source: Path
) -> tuple[Waveform, list[dict[str, object]]]:
    """Lay an excerpt of a track, treated and repeated, under a query.

    Returns:
        The mix, and a row of annotations for every repetition.
    """
    audio = normalised(read_any_audio(source, RATE), RATE)
    seconds = float(rng.uniform(*EXCERPT_S))
    start = start_within(rng, len(audio) / RATE, seconds)
    treatment = draw_treatment(rng, TEMPO, 0.0, np.inf)
    loop = cut_and_treat(audio, RATE, start, start + seconds, treatment)
    length = len(loop) / RATE
    repetitions = max(1, round(float(rng.uniform(*PASSAGE_S)) / length))
    first = start_within(rng, len(query) / RATE, repetitions * length)
    level_db = float(rng.uniform(*LEVEL_DB))
    layer, rows = np.zeros_like(query), []
    for repetition in range(repetitions):
        begin = round((first + repetition * length) * RATE)
        cut = faded(loop, RATE)[: len(layer) - begin]
        layer[begin : begin + len(cut)] += cut
        rows.append(annotation(begin / RATE, start, len(cut) / RATE, treatment, level_db))
    sounding = layer != 0
    powers = [float(np.square(part[sounding]).mean()) for part in (query, layer)]
    gain = np.sqrt(powers[0] / max(powers[1], 1e-12)) / db(level_db)
    return query + layer * np.float32(gain), rows


def annotation(
    query_s: float, reference_s: float, seconds: float, treatment: Treatment, level_db: float
) -> dict[str, object]:
    """A row of a catalogue's annotations, and how the sample was made."""
    return {
        "query_start_s": round(query_s, 3),
        "query_end_s": round(query_s + seconds, 3),
        "reference_start_s": round(reference_s, 3),
        "reference_end_s": round(reference_s + seconds * treatment.tempo_ratio, 3),
        "tempo_ratio": round(treatment.tempo_ratio, 4),
        "pitch_semitones": round(treatment.semitones, 2),
        "level_db": round(-level_db, 1),
        "process": treatment.process,
        "filter": treatment.filter_kind,
    }


def encoder_rankings(
    out: Path, queries: Sequence[Path], weights: str, threads: int
) -> dict[str, Ranking]:
    """What ``nsid index`` and ``nsid identify`` find: all answers, and at least three."""
    identifier, rankings = indexed(out, weights, threads), {}
    for path in queries:
        answers = identifier.identify_file(path, threads=threads, thresholds=Thresholds(best=3))
        rankings[path.name] = [
            Found(
                answer.paths[0],
                answer.score,
                DEFAULT.let_pass(answer.probability, answer.false_alarms),
                answer.probability,
                tuple(partial(place_in, part) for part in answer.matches),
            )
            for answer in answers
        ]
    return rankings


def trials_of(
    out: Path, queries: Sequence[Path], weights: str, truth: pd.DataFrame, threads: int
) -> pd.DataFrame:
    """Every query asked with its sample in the catalogue, if it has one, and without."""
    identifier = indexed(out, weights, threads)
    (finder,), names = identifier.finders, [paths[0] for paths in identifier.library.paths]
    sampled = truth.groupby("query_id")["reference_id"].unique().to_dict()
    parts = []
    for path in queries:
        query = identifier.fingerprinter.of_file(path)
        own = sampled.get(path.name, ())
        for present in (True, False) if len(own) else (False,):
            parts.append(ask(path.name, query, finder, names, own, present, threads))
    return pd.concat(parts, ignore_index=True)


def indexed(out: Path, weights: str, threads: int) -> Identifier:
    """The references' library, made or as it is."""
    known = weights if weights == LANDMARKS else sha256_of(weights_file(weights))[:12]
    folder = out / "catalogues" / known
    summary = index_music(out / "references", folder, weights, threads=threads)
    if summary.skipped:
        raise SystemExit("\n".join(f"{path}: {reason}" for path, reason in summary.skipped))
    return Identifier.open(folder, weights)


def place_in(part: Line, query_s: float) -> float | None:
    """The time in the reference that a range gives a time in the query; None outside of it."""
    if not part.query_start_s <= query_s <= part.query_end_s:
        return None
    share = (query_s - part.query_start_s) / (part.query_end_s - part.query_start_s)
    return part.reference_start_s + share * (part.reference_end_s - part.reference_start_s)


def landmark_rankings(out: Path, queries: Sequence[Path], searched: bool) -> dict[str, Ranking]:
    """The classical system; it has no threshold of its own, so none of its answers is given."""
    settings = Landmarks(tempo_step=0.04)
    names = sorted(path.name for path in (out / "references").iterdir())
    tracks = {
        name: find_peaks(read_any_audio(out / "references" / name, settings.sample_rate), settings)
        for name in names
    }
    peaks = {
        path.name: find_peaks(read_audio(path, settings.sample_rate), settings) for path in queries
    }
    longest = max(own.length for own in peaks.values())
    index = LandmarkCounts(list(tracks.values()), settings, longest, searched=searched)
    rankings = {}
    for query, own in peaks.items():
        found = index.best(own.within(0.0, QUERY_S, settings))
        order = np.argsort(-found.scores, kind="stable").tolist()
        rankings[query] = [
            Found(
                names[track],
                float(found.scores[track]),
                False,
                None,
                (partial(place_on, found.matched_s[track], found.reference_s[track]),),
            )
            for track in order
            if found.scores[track] > 0
        ]
    return rankings


def place_on(matched: Sequence[float], reference: Sequence[float], query_s: float) -> float | None:
    """As ``place_in``, from the middle half of the landmarks that agree."""
    if not matched[0] <= query_s <= matched[1] or matched[0] == matched[1]:
        return None
    return float(np.interp(query_s, matched, reference))


def row_of(name: str, rankings: dict[str, Ranking], truth: pd.DataFrame) -> str:
    """A system's row of the table."""
    right = truth.groupby("query_id")["reference_id"].first().to_dict()
    best = [ranking[0].score if ranking else 0.0 for ranking in rankings.values()]
    without = sorted(
        (score for query, score in zip(rankings, best, strict=True) if query not in right),
        reverse=True,
    )
    # All but one: a threshold that lets one false alarm pass, for every system alike.
    threshold = without[1] if len(without) > 1 else 0.0
    first = [
        query for query in right if rankings[query] and rankings[query][0].reference == right[query]
    ]
    third = sum(
        any(found.reference == right[query] for found in rankings[query][:3]) for query in right
    )
    located = sum(
        is_located(rankings[query][0], truth[truth["query_id"] == query]) for query in first
    )
    above = sum(rankings[query][0].score > threshold for query in first)
    given = [(query, found) for query in rankings for found in rankings[query] if found.given]
    given_right = sum(found.reference == right.get(query) for query, found in given)
    alarms = len({query for query, _ in given if query not in right})
    told = [found.probability for _, found in given if found.probability is not None]
    foretold = f"{sum(1 - said for said in told):.1f}" if len(told) == len(given) else "–"
    given_wrong = f"{len(given) - given_right}, {foretold}"
    own = [given_right, given_wrong, alarms] if not name.startswith(COUNTED) else ["–"] * 3
    cells = [name, len(first), third, located, above, *own]
    return "| " + " | ".join(map(str, cells)) + " |"


def is_located(found: Found, occurrences: pd.DataFrame) -> bool:
    """Whether a moment of the sample in the query is laid within 1 s of its place in the track."""
    for row in occurrences.itertuples(index=False):
        for share in np.linspace(0.1, 0.9, 9):
            query_s = row.query_start_s + share * (row.query_end_s - row.query_start_s)
            true_s = row.reference_start_s + share * (row.reference_end_s - row.reference_start_s)
            told = [place(query_s) for place in found.places]
            if any(place is not None and abs(place - true_s) <= LOCALISED_S for place in told):
                return True
    return False


if __name__ == "__main__":
    main()
