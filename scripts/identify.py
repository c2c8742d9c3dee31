"""Rule identify: queries, a library in shards → its answers, which name tracks by their ids."""

from dataclasses import replace
from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.shards import in_shard
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.exports.csv_table import as_csv
from neuralsampleid.files import write_text
from neuralsampleid.library.answer import Findings
from neuralsampleid.library.identify import Identifier

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        ids = {Path(track.path): track.track_id for track in catalogue.tracks.itertuples()}
        identifier = Identifier.open(*map(Path, snakemake.input.shards))
        music, queries = Path(identifier.library.info.music), []
        every = catalogue.with_role("query")
        own = in_shard(every, snakemake.wildcards.shard, snakemake.params.shards)
        for query in own.itertuples():
            found = identifier.identify_file(Path(query.path), threads=snakemake.threads)
            answers = [
                replace(answer, paths=[ids[music / path] for path in answer.paths])
                for answer in found.answers
            ]
            queries.append(replace(found, path=query.track_id, answers=answers))
        findings = Findings(list(snakemake.input.shards), str(music), queries)
        write_text(Path(snakemake.output.answers), as_csv(findings))
