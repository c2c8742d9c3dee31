"""Rule page: metrics, figures, one system's rankings and lines → one self-contained page."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import (
    COMPARISONS,
    LEFT_OUT,
    LINES,
    MATCHES,
    METRICS,
    per_query_format,
    read_table,
)
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.datasets.free_music_tables import DEVIATIONS, said_of_deviations
from neuralsampleid.evaluation.copies import said_of
from neuralsampleid.files import write_text
from neuralsampleid.report.captions import render_caption
from neuralsampleid.report.page.benchmark import benchmark_page, query_views, track_seconds
from neuralsampleid.report.page.clips import reader_of, with_clips
from neuralsampleid.report.page.html import render_page
from neuralsampleid.report.tables import main_table, middle_length, winners_of

if __name__ == "__main__":
    with job(snakemake):
        found, params = snakemake.input, snakemake.params
        metrics = read_table(Path(found.metrics), METRICS)
        comparisons = read_table(Path(found.comparisons), COMPARISONS)
        catalogue = read_catalogue(Path(found.tracks).parent)
        lines = read_table(Path(found.lines), LINES)
        views = query_views(
            catalogue,
            track_seconds(catalogue, lines),
            read_table(Path(found.matches), MATCHES),
            lines,
            read_table(Path(found.per_query), per_query_format(params.cutoffs)),
            params.tracks,
        )
        clips = {}
        if params.audio:
            paths = dict(catalogue.tracks[["track_id", "path"]].itertuples(index=False))
            views, clips = with_clips(views, reader_of(paths))
        remarks = [said_of(read_table(Path(found.left_out), LEFT_OUT))]
        if found.deviations:
            remarks.append(said_of_deviations(read_table(Path(found.deviations), DEVIATIONS)))
        stated = {"cutoffs": params.cutoffs, "confidence": params.confidence}
        winners = winners_of(comparisons, 1 - params.confidence)
        page = benchmark_page(
            *(params.run, params.seed, params.systems, params.system, params.tracks),
            views=views,
            clips=clips,
            table=main_table(metrics, params.systems, middle_length(metrics), winners),
            figures=[Path(path) for path in found.figures],
            captions={name: render_caption(text, stated) for name, text in params.captions.items()},
            remarks=[remark for remark in remarks if remark],
        )
        write_text(Path(snakemake.output.page), render_page(page))
