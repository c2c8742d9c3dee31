"""Rule page: metrics, figures, one system's rankings and lines → one self-contained page."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import (
    COMPARISONS,
    LINES,
    MATCHES,
    METRICS,
    per_query_format,
    read_table,
)
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.files import write_text
from neuralsampleid.report.captions import render_caption
from neuralsampleid.report.drawing import save_figure
from neuralsampleid.report.labels import words
from neuralsampleid.report.page.benchmark import query_views, telling_query, track_seconds
from neuralsampleid.report.page.clips import reader_of, with_clips
from neuralsampleid.report.page.html import Page, ShownFigure, render_page
from neuralsampleid.report.tables import main_table, middle_length, winners_of
from neuralsampleid.report.timeline import timeline_figure

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
        telling = telling_query(views)
        stem = Path(snakemake.output.png).with_suffix("")
        save_figure(timeline_figure(telling), stem)
        pictures = [*map(Path, found.figures), Path(snakemake.output.png)]
        clips = {}
        if params.audio:
            paths = dict(catalogue.tracks[["track_id", "path"]].itertuples(index=False))
            views, clips = with_clips(views, reader_of(paths))
        stated = {"cutoffs": params.cutoffs, "confidence": params.confidence}
        captions = {
            name: render_caption(template, stated) for name, template in params.captions.items()
        }
        system = params.systems[params.system]
        page = Page(
            title=f"Sample identification: {params.run}",
            subtitle=(
                f"{len(params.systems)} systems, {len(views)} query tracks, seed {params.seed}. "
                "What each number means: docs/metrics.md; versions: provenance.json."
            ),
            views=views,
            about_views=(
                f"Each query above the first {params.tracks} tracks that the system "
                f"“{system}” finds in it, and above those sampled in it that are not among them. "
                "Tracks are ranked by all of their votes; the parts found are those where the "
                "votes line up."
            ),
            table=main_table(
                metrics,
                params.systems,
                middle_length(metrics),
                winners_of(comparisons, 1 - params.confidence),
            ),
            table_caption=captions["main_table"],
            figures=[
                ShownFigure(
                    path.stem,
                    words(path.stem),
                    captions[f"{path.stem}_figure"],
                    path.read_bytes(),
                )
                for path in pictures
            ],
            clips=clips,
        )
        write_text(Path(snakemake.output.page), render_page(page))
