"""The tables that the evaluation exchanges as CSV: their columns, and one reader for all tables.

A column means the same in every table and is explained in the first, unless a later one says more.

A plain ``pandas.read_csv`` would turn the track ids ``001`` and ``NA`` into a number and a gap.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from neuralsampleid.errors import UserError

_SEPARATORS = ",;\t"  # spreadsheets write the others where a comma stands in numbers
_COMMA_NUMBER = re.compile(r"(-?\d+),(\d+)")
_TOO_MANY = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")

Format = Mapping[str, type]  # column → str (never missing, may be empty) or float (NaN if empty)

# Tasks: what a query is, and its counterpart without its answers.
FULL_TRACK = "full_track"
SEGMENT = "segment"
ABSENT = {FULL_TRACK: "full_track_absent", SEGMENT: "segment_absent"}

QUERIES: Format = {
    "task": str,  # full_track, segment, or either of them "absent"
    "query_id": str,  # the query track
    "query_start_s": float,  # of the query in its track
    "query_end_s": float,  # and its end
    "query_seconds": float,  # length of a segment query; NaN for a full track
    "group": str,  # sample type, empty if mixed or unknown; in metrics also "all" or a condition
    "relevant": str,  # reference ids; see ``join``
    "conditions": str,  # such as pitch_semitones:0.5..2; see ``join``, evaluation/conditions
    "excluded": str,  # ids of tracks that no ranking of this query may hold; see ``join``
}
LEFT_OUT: Format = {
    "query_id": str,
    "track_id": str,  # a reference or noise track that no ranking of this query holds
    "role": str,  # of that track
    "path": str,  # of that track
    "copy_of": str,  # the query, or a track that it samples: the same recording
    "found_by": str,  # content: both files hold the same bytes; or landmarks
}
MATCHES: Format = {
    "task": str,
    "query_id": str,
    "query_start_s": float,
    "query_end_s": float,
    "rank": float,  # 1, 2, …
    "reference_id": str,  # a reference or noise track
    "score": float,  # larger is better
    "reference_start_s": float,  # the segment that matches best
    "reference_end_s": float,  # and its end
    "matched_start_s": float,  # the segment of the query that it matches
    "matched_end_s": float,  # and its end
    "probability": float,  # the re-ranker's, of these two segments; NaN where it did not look
}
LINES: Format = {
    "query_id": str,
    "rank": float,  # of the reference, 1, 2, …
    "reference_id": str,  # a reference or noise track
    "query_start_s": float,
    "query_end_s": float,
    "reference_start_s": float,
    "reference_end_s": float,
    "tempo_ratio": float,  # the query's speed over the reference's; NaN: too short to tell
    "pitch_semitones": float,  # how far it is shifted up; NaN: not measured
    "score": float,  # votes or landmarks less cost, see matching/lines, landmarks/lines
}
RANKINGS: Format = {  # another program's; only query, reference, and score or rank must be there
    "query": str,  # track id or file
    "query_start_s": float,  # of a segment query, as in queries.csv; empty: the whole track
    "query_end_s": float,
    "reference": str,  # track id or file, of a reference or noise track
    "score": float,  # larger is better; in all rows or in none
    "rank": float,  # instead: 1, 2, …
    "matched_start_s": float,  # where in the query's track; of several places a row each
    "matched_end_s": float,
    "reference_start_s": float,  # what of the reference
    "reference_end_s": float,
    "tempo_ratio": float,
    "pitch_semitones": float,  # how far the query is shifted up
}
METRICS: Format = {
    "system": str,  # its name in the configuration
    "task": str,
    "metric": str,  # see docs/metrics.md
    "k": float,  # how many first ranks count; NaN where that has no meaning
    "query_seconds": float,
    "group": str,
    "value": float,  # fractions in [0, 1], as low and high; in quantities.csv other units
    "low": float,  # of the interval, of confidence intervals.confidence
    "high": float,  # and its end
    "queries": float,  # how many the value is of
}
COMPARISONS: Format = {
    "table": str,  # main, sample_types, grades or hit_rates: what p_holm is corrected over
    "system": str,
    "other": str,
    "task": str,
    "metric": str,
    "k": float,
    "query_seconds": float,
    "group": str,
    "difference": float,  # the system's value less the other's; a fraction, as low and high
    "low": float,
    "high": float,
    "p_value": float,  # of a paired permutation test
    "p_holm": float,  # corrected over all rows of the table
    "queries": float,
}
FOUND_BY_ONE: Format = {
    "system": str,  # has a right answer among its first k
    "other": str,  # has none
    "task": str,
    "k": float,
    "query_id": str,
    "query_start_s": float,
    "query_seconds": float,
    "group": str,
    "conditions": str,
    "relevant": str,
    "first_rank": float,
    "other_first_rank": float,  # the other system's
}
RELIABILITY: Format = {
    "system": str,
    "low": float,  # a bin of the re-ranker's probability
    "high": float,
    "pairs": float,  # of segments, by which tracks are shown, in the bin
    "mean_probability": float,  # NaN where the bin is empty
    "share_right": float,  # of these pairs
}
ANSWERS: Format = {
    "system": str,
    "wrong_per_query": float,  # pairs given at a threshold, of all full tracks
    "recall": float,  # share of the right pairs given at it
}
SAMPLES: Format = {  # and further columns of text, each a dimension of evaluation/conditions
    "query_id": str,
    "sample_id": str,  # as in occurrences.csv
    "level_db": float,  # mean power of the sample over everything else, where it sounds
}


def join(names: Iterable[str]) -> str:
    """Several names as one text of a table: sorted, each once, joined by '|'."""
    return "|".join(sorted(set(names)))


def split(joined: str) -> list[str]:
    """The names in a text of ``join``; none in an empty one."""
    return joined.split("|") if joined else []


def per_query_format(cutoffs: Sequence[int]) -> Format:
    """Columns of the table with one row per query; ``hit_k`` for each cutoff k."""
    return {
        "task": str,
        "query_id": str,
        "query_start_s": float,
        "query_seconds": float,
        "group": str,
        "relevant": str,
        "conditions": str,
        "excluded": str,
        "best_score": float,  # of the first rank; NaN if nothing was retrieved
        "first_rank": float,  # NaN if no relevant reference was retrieved
        "ap": float,  # average precision over all relevant references
        "ap_retrieved": float,  # over the retrieved ones, as upstream does
        **{f"hit_{k}": float for k in cutoffs},  # 1 or 0: a right answer among the first k
    }


def read_table(
    path: Path,
    columns: Format,
    expected: str = "a table of the evaluation",
    *,
    optional: Collection[str] = (),
    blanks: bool = False,
    further: bool = False,
    numbered: bool = False,
) -> pd.DataFrame:
    """Read a table.

    Args:
        path: a CSV file, see ``read_texts``.
        columns: that it must have, but for the optional ones.
        expected: what the file should be, for the error message.
        optional: columns that may be missing and are empty then; text, if not among ``columns``.
        blanks: whether those around headers and values are dropped.
        further: whether other columns are kept, as text, or left out.
        numbered: whether the index is the file's line.

    Raises:
        UserError: the file or a column is missing, or a number is none.
    """
    table = read_texts(path, columns, expected, optional=optional, blanks=blanks, further=further)
    for column in (name for name, kind in columns.items() if kind is float):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = numbers.isna().to_numpy() & ~table[column].map(is_blank).to_numpy(bool)
        if wrong.any():
            line = table.index[int(wrong.argmax())]
            raise UserError(
                f"{path}, line {line}: {column} is '{table[column][line]}', expected a number"
            )
        table = table.assign(**{column: numbers.astype(float)})
    return table if numbered else table.reset_index(drop=True)


def is_blank(text: object) -> bool:
    """Whether a number is left out: by nothing, or as programs write what is no number."""
    return str(text).strip().lower() in {"", "nan"}


def read_texts(
    path: Path,
    columns: Collection[str],
    expected: str,
    *,
    optional: Collection[str] = (),
    blanks: bool = False,
    further: bool = False,
) -> pd.DataFrame:
    """As ``read_table``, but every value stays text and the index is the file's line.

    The file is in UTF-8, or in UTF-16 with its mark. Commas, semicolons or tabs divide the values;
    if not commas, numbers may be written with a comma (1,5).

    Raises:
        UserError: the file or a column is missing, or a line has more values than the first.
    """
    text = _decoded(path, expected)
    header = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=header.count)
    names = next(csv.reader([header.strip("\r")], delimiter=separator), [])
    for name in columns:
        if names.count(name) > 1:
            raise UserError(f"{path}: column '{name}' stands twice, expected it once")
    table = _parsed(path, text, separator, expected, blanks=blanks)
    if blanks:
        table = table.rename(columns=str.strip).apply(lambda column: column.str.strip())
    missing = [name for name in columns if name not in table.columns and name not in optional]
    if missing:
        said = ", ".join(f"'{column}'" for column in missing)
        what = f"column {said} is" if len(missing) == 1 else f"columns {said} are"
        raise UserError(f"{path}: {what} missing, expected {', '.join(columns)}")
    table.index = pd.RangeIndex(2, len(table) + 2)
    table = table[~(table.isna() | (table == "")).all(axis=1)]
    wanted = dict.fromkeys([*columns, *optional, *(table.columns if further else ())])
    table = table.reindex(columns=list(wanted), fill_value="").fillna("").astype(str)
    if separator != ",":
        table = table.replace(rf"^\s*{_COMMA_NUMBER.pattern}\s*$", r"\1.\2", regex=True)
    return table


def _decoded(path: Path, expected: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected {expected}") from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: letters that are not in UTF-8, expected {expected}; save it again as "
            "'CSV UTF-8'"
        ) from error
    if not text.strip():
        raise UserError(f"{path}: the file is empty, expected {expected}")
    return text


def _parsed(path: Path, text: str, separator: str, expected: str, *, blanks: bool) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype=str,
                index_col=False,  # else a line with one value more shifts all
                keep_default_na=False,
                skipinitialspace=blanks,
                skip_blank_lines=False,  # they count as lines
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())
        if found := _TOO_MANY.search(reason):
            reason = f"line {found[2]} has {found[3]} values, the first line {found[1]}"
        elif isinstance(error, pd.errors.ParserWarning):
            reason = "a line has more values than the first line"
        raise UserError(f"{path}: not a table ({reason}), expected {expected}") from error
