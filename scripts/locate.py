"""Rule locate: rankings, fingerprints and an index → where the first tracks match."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import MATCHES, QUERIES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.files import write_csv
from neuralsampleid.fingerprints.index import load_index
from neuralsampleid.fingerprints.readings import open_readings
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.matching.fingerprints import lines_by_fingerprints
from neuralsampleid.matching.fusion import clearest_in
from neuralsampleid.matching.locating import first_tracks, locate
from neuralsampleid.matching.readings import lines_by_readings

if __name__ == "__main__":
    with job(snakemake):
        params, found = snakemake.params, snakemake.input
        tracks = read_catalogue(Path(found.tracks).parent).tracks
        lengths = dict(zip(tracks["track_id"], tracks["duration_s"], strict=True))
        queries, searched = (
            open_stores(paths).with_seconds(lengths) for paths in (found.query_stores, found.stores)
        )
        readings = open_readings(found.query_stores)
        first = first_tracks(
            read_table(Path(found.matches), MATCHES),
            read_table(Path(found.queries), QUERIES),
            params.tracks,
        )
        rankings = [read_table(Path(path), MATCHES) for path in found.parts]
        first = clearest_in(first, rankings, params.place)
        if readings:
            lines_in = lines_by_readings(readings, searched)
        else:
            index = load_index(Path(found.index), params.device)
            lines_in = lines_by_fingerprints(
                queries, searched, index, candidates=params.candidates, threads=snakemake.threads
            )
        write_csv(Path(snakemake.output.lines), locate(first, lines_in))
