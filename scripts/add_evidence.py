"""Rule add_evidence: rankings by landmarks, peaks and fingerprints → rankings by both."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import MATCHES, read_table
from neuralsampleid.config import EvidenceSystem, Landmarks, PeakFinding
from neuralsampleid.files import write_csv
from neuralsampleid.fingerprints.readings import open_readings
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.landmarks.store import read_all_peaks, read_peaks
from neuralsampleid.matching.evidence import add_evidence
from neuralsampleid.matching.landmarks import lines_within

if __name__ == "__main__":
    with job(snakemake):
        found, params = snakemake.input, snakemake.params
        lines_of = lines_within(
            read_peaks(Path(found.query_peaks)),
            read_all_peaks(found.peaks),
            PeakFinding.model_validate(params.peaks),
            Landmarks.model_validate(params.landmarks),
        )
        readings = open_readings(found.query_stores) or {1.0: open_stores(found.query_stores)}
        matches = add_evidence(
            read_table(Path(found.matches), MATCHES),
            lines_of,
            readings,
            open_stores(found.stores),
            EvidenceSystem.model_validate(params.row),
        )
        write_csv(Path(snakemake.output.matches), matches)
