"""Rows of the tables that join others."""

from typing import Any

import pytest

from neuralsampleid.config import parse_config
from neuralsampleid.errors import UserError

MINIMAL: dict[str, Any] = {
    "run": "demo",
    "data": {"kind": "demo"},
    "encoders": {"gnn": {"architecture": "gnn"}},
    "systems": [{"kind": "encoder", "name": "proposed", "encoder": "gnn"}],
}


def test_systems_may_join_others():
    both = {"kind": "fusion", "name": "both", "systems": ["proposed", "peaks"]}
    rows = [*MINIMAL["systems"], {"kind": "landmarks", "name": "peaks"}, both]
    config = parse_config(MINIMAL | {"systems": rows}, "config.yaml")
    assert [system.name for system in config.fused_systems] == ["both"]
    assert [system.name for system in config.encoder_systems] == ["proposed"]
    assert parse_config(config.model_dump(), "dump.yaml") == config
    for fused, expected in (
        (["proposed", "both"], "system 'both' fuses 'both', expected one of proposed, peaks"),
        (["peaks", "peaks"], "system 'both' fuses a system twice"),
        (["peaks"], "at least 2"),
    ):
        changed = [*rows[:-1], both | {"systems": fused}]
        with pytest.raises(UserError, match=expected):
            parse_config(MINIMAL | {"systems": changed}, "x.yaml")


def test_landmarks_and_an_encoder_may_be_joined():
    both = {"kind": "evidence", "name": "both", "systems": ["proposed", "peaks"]}
    rows = [*MINIMAL["systems"], {"kind": "landmarks", "name": "peaks"}, both]
    config = parse_config(MINIMAL | {"systems": rows}, "config.yaml")
    (joined,) = config.evidence_systems
    assert joined.parts == ["peaks"]
    assert config.fingerprints_of(joined) == config.encoder_systems[0].fingerprints
    for systems, expected in (
        (["peaks", "proposed"], "system 'both' joins encoder 'peaks', expected one of proposed"),
        (["proposed", "both"], "system 'both' joins landmarks 'both', expected one of peaks"),
        (["proposed"], "at least 2"),
    ):
        changed = [*rows[:-1], both | {"systems": systems}]
        with pytest.raises(UserError, match=expected):
            parse_config(MINIMAL | {"systems": changed}, "x.yaml")
