"""Rule collect_metrics: long tables of all systems, in the order of the configuration."""

from pathlib import Path

from _job import job

from neuralsampleid.files import write_text

if __name__ == "__main__":
    with job(snakemake):
        for name, target in snakemake.output.items():
            # Texts are joined as they are: reading and writing numbers could change them.
            parts = [Path(path).read_text(encoding="utf-8") for path in snakemake.input[name]]
            header = parts[0].splitlines(keepends=True)[0]
            rows = "".join(part.removeprefix(header) for part in parts)
            write_text(Path(target), header + rows)
