import pandas as pd

from neuralsampleid.catalogue.formats import METRICS
from neuralsampleid.report.summary import summary_of

NAN = float("nan")
ROWS = [
    ("a", "full_track", "map", NAN, NAN, "all", 0.5, 0.4, 0.6, 9),
    ("a", "full_track", "map", NAN, NAN, "beat", 0.9, 0.4, 1.0, 4),
    ("a", "segment", "hit_rate", 1, 5.0, "all", 0.1, 0.0, 0.2, 9),
    ("a", "segment", "hit_rate", 1, 7.5, "all", 0.2, 0.0, 0.2, 9),
    ("a", "segment", "hit_rate", 3, 7.5, "all", NAN, NAN, NAN, 9),
    ("a", "segment", "hit_rate", 1, 9.0, "all", 0.3, 0.0, 0.2, 9),
    ("b", "full_track", "map", NAN, NAN, "all", 0.7, 0.4, 0.9, 9),
]


def test_summary_holds_what_is_known_of_one_system_over_all_queries():
    metrics = pd.DataFrame(ROWS, columns=list(METRICS))
    assert summary_of(metrics, "a") == {
        "full_track": {"map": 0.5},
        "segment": {"hit_at_1_in_7.5s": 0.2},
    }
    assert summary_of(metrics, "b") == {"full_track": {"map": 0.7}}
    assert summary_of(metrics, "c") == {}
    corrected = metrics.assign(protocol="corrected")
    assert summary_of(corrected, "b") == {"corrected": {"map": 0.7}}
