"""Rule fetch_artefact: download a file or a folder of files, or find it in the user's folder."""

from pathlib import Path

from _job import job

from neuralsampleid.artefacts.table import obtain, write_record

if __name__ == "__main__":
    with job(snakemake):
        name, params = snakemake.wildcards.artefact, snakemake.params
        folder = Path(snakemake.output.folder)
        obtained = obtain(
            name,
            Path(snakemake.scriptdir).parent / params.table,
            folder / name,
            folder=None if params.folder is None else Path(params.folder),
            # No output of the rule: what has arrived survives an interruption.
            part=folder.parent / ".partial" / name,
            optional=params.optional,
        )
        write_record(folder, obtained)
