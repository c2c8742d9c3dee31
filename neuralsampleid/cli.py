"""``nsid``: a library of own music, and evaluations, on the command line without Snakemake.

Each command is one call of the library. Errors that a person can mend are one line on standard
error and exit status 1; wrong usage is status 2; Ctrl-C is one line and status 130; where nobody
reads the answers on, it ends with status 141.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from neuralsampleid import __version__
from neuralsampleid.errors import UserError
from neuralsampleid.processes import wait_passively
from neuralsampleid.terminal import write_anywhere

if TYPE_CHECKING:
    from neuralsampleid.library.answer import Answer
    from neuralsampleid.library.identify import Identifier
    from neuralsampleid.library.shards import Shard

_Number = TypeVar("_Number", int, float)
_STOPPED, _NOT_READ = 130, 141  # exit status after Ctrl-C, and a closed pipe, as of other programs
_LOG = logging.getLogger("neuralsampleid.cli")  # also where this file is the program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush
        return _NOT_READ


def _run(arguments: Sequence[str] | None) -> int:
    write_anywhere()
    parser = _parser()
    options = parser.parse_args(arguments)
    wait_passively()
    logging.basicConfig(format="nsid: %(message)s", stream=sys.stderr)
    logging.getLogger("neuralsampleid").setLevel(logging.INFO)  # other libraries' only if serious
    without_weights = getattr(options, "reranker_weights", None) is None
    if getattr(options, "system", "") == "proposed" and without_weights:
        parser.error("--system proposed needs --reranker-weights")
    tracklist, tracks = getattr(options, "tracklist", None), getattr(options, "track", [])
    if tracklist is not None and _is_cue(tracklist) and len(tracks) > 1:
        parser.error(f"--tracklist {tracklist} is of one track, found {len(tracks)}")
    try:
        _COMMANDS[options.command](options)
    except BrokenPipeError:
        raise
    except (UserError, OSError) as error:
        print(f"nsid: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = {"index": "; what is finished is kept, and the same command goes on from there"}
        print(f"nsid: stopped{kept.get(options.command, '')}", file=sys.stderr)
        return _STOPPED
    return 0


def _evaluate(options: argparse.Namespace) -> None:
    # Heavy imports stand where they are needed, so that --help is quick.
    from neuralsampleid.files import write_json
    from neuralsampleid.models.weights import load_any_reranker
    from neuralsampleid.upstream.folder import evaluate_folder

    reranker = load_any_reranker(options.reranker_weights) if options.system == "proposed" else None
    judged = evaluate_folder(
        options.fingerprints,
        options.ground_truth,
        options.system,
        options.protocol,
        options.index,
        options.query_segments,
        reranker,
        threads=options.threads,
    )
    about = {"system": options.system, "protocol": options.protocol, "index": options.index}
    write_json(options.json, {**about, **judged.as_json()})
    precision, tracks = 100 * judged.mean_average_precision(), len(judged.track_answers)
    _LOG.info("mAP %.1f %% over %d tracks; all figures in %s", precision, tracks, options.json)


def _index(options: argparse.Namespace) -> None:
    import torch

    from neuralsampleid.library.update import index_music

    torch.set_num_threads(options.threads)
    summary = index_music(
        options.folder,
        options.out,
        options.weights,
        options.encoder,
        options.graph,
        shard=options.shard,
        forget=options.forget,
        threads=options.threads,
    )
    for line in summary.lines():
        _LOG.info("%s", line)


def _identify(options: argparse.Namespace) -> None:
    import torch

    from neuralsampleid.library.identify import Identifier, Thresholds
    from neuralsampleid.report.answers import as_csv, as_json, as_text

    torch.set_num_threads(options.threads)
    identifier = Identifier.open(*options.library, weights=options.weights)
    for remark in identifier.remarks:
        _LOG.info("%s", remark)
    thresholds = Thresholds(
        options.least_probability, options.false_alarms, options.least_score, options.best
    )
    answers, problems = {}, {}
    for path in options.track:
        try:
            answers[str(path)] = identifier.identify_file(
                path, thresholds=thresholds, threads=options.threads
            )
        except (UserError, OSError) as error:  # the others have their answers
            problems[str(path)] = " ".join(str(error).split())
    if answers:
        form = as_json if options.json else as_csv if options.csv else as_text
        sys.stdout.write(form(answers, problems))
        if options.html is not None:
            _write_page(options, answers, identifier)
        if options.tracklist is not None:
            _write_tracklist(options.tracklist, answers)
    if problems:
        raise UserError("; ".join(problems.values()))


def _info(options: argparse.Namespace) -> None:
    from neuralsampleid.library.joining import contents_of
    from neuralsampleid.report.library import as_lines

    for line in as_lines(contents_of(options.library)):
        print(line)


def _write_page(
    options: argparse.Namespace, answers: Mapping[str, Sequence[Answer]], identifier: Identifier
) -> None:
    from neuralsampleid.audio.ffmpeg import audio_seconds
    from neuralsampleid.files import write_text
    from neuralsampleid.report.page.answers import answer_page
    from neuralsampleid.report.page.html import render_page

    seconds = {query: audio_seconds(Path(query)) for query in answers}
    music, remarks = Path(identifier.library.info.music), identifier.remarks
    libraries = ", ".join(map(str, options.library))
    page = answer_page(answers, seconds, libraries, music, remarks, audio=options.audio)
    write_text(options.html, render_page(page))
    _LOG.info("%s: the answers to look at and listen to", options.html)


def _write_tracklist(out: Path, answers: Mapping[str, Sequence[Answer]]) -> None:
    from neuralsampleid.files import write_text
    from neuralsampleid.report.tracklist import CUE_TRACKS, as_cue, as_markdown, entries_of

    tracklists = {query: entries_of(found) for query, found in answers.items()}
    text = as_markdown(tracklists)
    if _is_cue(out):
        ((query, entries),) = tracklists.items()
        path = Path(query).resolve()
        beside = path.parent == out.resolve().parent
        text = as_cue(path.name if beside else str(path), entries)
        if len(entries) > CUE_TRACKS:
            _LOG.warning(
                "%s: %d tracks, of which some programs read %d", out, len(entries), CUE_TRACKS
            )
    write_text(out, text)
    _LOG.info("%s: which tracks sound when", out)


def _is_cue(path: Path) -> bool:
    return path.suffix.lower() == ".cue"


_COMMANDS = {
    "evaluate": _evaluate,
    "index": _index,
    "identify": _identify,
    "info": _info,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nsid", description="Automatic sample identification.")
    parser.add_argument("--version", action="version", version=f"nsid {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    evaluate = commands.add_parser(
        "evaluate",
        help="upstream fingerprints → hit rates, mAP, rankings",
        description=_EVALUATE,
    )
    evaluate.add_argument(
        "--fingerprints", required=True, type=Path, help="folder in upstream's layout"
    )
    evaluate.add_argument("--ground-truth", required=True, type=Path, help="gt_dict.json")
    evaluate.add_argument(
        "--system", required=True, choices=("proposed", "proposed_no_reranker", "baseline")
    )
    evaluate.add_argument("--reranker-weights", type=Path, help="for --system proposed")
    evaluate.add_argument("--protocol", required=True, choices=("released", "corrected"))
    evaluate.add_argument("--index", required=True, choices=("flat", "ivfpq"))
    evaluate.add_argument(
        "--query-segments",
        type=_lengths,
        help="lengths of segment queries, such as 1,3,6; by default those of 5, 7, 10, 15, 20 s",
    )
    evaluate.add_argument("--json", required=True, type=Path, help="file to write")

    info = commands.add_parser(
        "info", help="a library → its music, systems, size and date", description=_INFO
    )
    info.add_argument("library", type=Path, help="that nsid index made")

    index, identify = _own_music(commands)
    for command in (evaluate, index, identify):
        command.add_argument(
            "--threads", type=_count, default=_cores(), help="of the CPU; by default all"
        )
    return parser


def _own_music(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The commands on a person's own music; see docs/own-music.md."""
    index = commands.add_parser(
        "index", help="a folder of music → a library, or what changed in it", description=_INDEX
    )
    index.add_argument("folder", type=Path, help="of music, with the folders below it")
    index.add_argument("--out", required=True, type=Path, help="folder of the library")
    index.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="make shard I of N of the library, of the files that fall to it; other machines make "
        "the others (default: all of the library)",
    )
    index.add_argument(
        "--weights",
        help="of the encoder: shipped, a run's folder or a checkpoint; or landmarks, which need "
        "none (default: what the library was made with; a new one gets the shipped model and "
        "landmarks)",
    )
    index.add_argument("--encoder", choices=("gnn", "resnet_ibn"), help="of upstream weights")
    index.add_argument(
        "--graph",
        choices=("bypassed", "connected"),
        help="graph mode of a gnn encoder (default: as trained; upstream weights: bypassed)",
    )
    index.add_argument(
        "--forget", action="store_true", help="what is gone, however much that is at once"
    )

    identify = commands.add_parser(
        "identify", help="tracks → which of a library they sample, and where", description=_FIND
    )
    identify.add_argument("track", nargs="+", type=Path, help="audio files")
    identify.add_argument(
        "--library",
        required=True,
        action="append",
        type=Path,
        help="that nsid index made, with all its shards; if it is given several times, all are "
        "searched as one",
    )
    identify.add_argument("--catalogue", action=_Renamed, const="--library")
    identify.add_argument("--weights", help="where the weights of the library's encoder are now")
    identify.add_argument(
        "--least-probability",
        type=_share,
        default=0.2,
        help="hide answers less likely than this to be right (0–1, default 0.2; needs calibrated "
        "weights)",
    )
    identify.add_argument(
        "--false-alarms",
        type=_positive,
        metavar="N",
        help="hide answers if more than N unrelated tracks are expected to score as high (default: "
        "no limit; 0.1 without calibration)",
    )
    identify.add_argument(
        "--least-score", type=float, default=0.0, help="hide answers that score less (default 0)"
    )
    identify.add_argument(
        "--best", type=_count, default=0, metavar="N", help="show the first N however unlikely"
    )
    identify.add_argument("--html", type=Path, help="page to write, with time lines and sound")
    identify.add_argument(
        "--no-audio", dest="audio", action="store_false", help="leave the sound out of the page"
    )
    identify.add_argument(
        "--tracklist",
        type=Path,
        metavar="FILE",
        help="tracklist of a mix to write: which track sounds when, for at least 15 s; Markdown, "
        "or a cue sheet where FILE ends in .cue",
    )
    form = identify.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="instead of text")
    form.add_argument("--csv", action="store_true", help="one line per match")
    return index, identify


class _Renamed(argparse.Action):
    """An option's former name, which says the new one."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: str) -> None:
        super().__init__(option_strings, dest, nargs="?", const=const, help=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.error(f"{self.option_strings[0]} is now called {self.const}")


_INDEX = (
    "Fingerprint what is new or changed in a folder of music (WAV, FLAC, OGG, MP3; M4A with "
    "ffmpeg) and forget what is gone."
)
_FIND = (
    "Look for samples of a library's tracks. The probability of an answer was measured on music "
    "whose samples are known, its false alarms among the library's own tracks."
)
_INFO = (
    "Say what a library holds: the folder of music, the number and length of its tracks, the "
    "systems it can be searched with, its size and when it was last changed."
)
_EVALUATE = (
    "Evaluate fingerprints in upstream's layout, as the release does (mistakes included) or "
    "corrected. The JSON file holds hit_rates (percent; rows top 1, 3, 10; columns the query "
    "segments), map (fraction) and rankings (query → tracks, best first)."
)


def _number(
    kind: type[_Number], is_accepted: Callable[[_Number], bool], expected: str
) -> Callable[[str], _Number]:
    """A reader of an option's value that says what it expects."""

    def read(text: str) -> _Number:
        with suppress(ValueError):
            value = kind(text)
            if is_accepted(value):
                return value
        raise argparse.ArgumentTypeError(f"'{text}', expected a number {expected}")

    return read


_count = _number(int, lambda value: value >= 1, "of at least 1")
_positive = _number(float, lambda value: 0 < value < float("inf"), "above 0")
_share = _number(float, lambda value: 0 <= value <= 1, "from 0 to 1")


def _shard(text: str) -> Shard:
    from neuralsampleid.library.shards import Shard

    with suppress(ValueError):
        return Shard.parse(text)
    raise argparse.ArgumentTypeError(f"'{text}', expected I/N with I from 1 to N, such as 2/8")


def _lengths(text: str) -> list[int]:
    return [_count(part.strip()) for part in text.split(",")]


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
