"""The committed table of free music obeys the open benchmark's rules."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from neuralsampleid.datasets.free_music_tables import read_tracks

ROOT = Path(__file__).parents[2]
RESERVED = (  # never used by this project, in Debian's names
    *("asc-music", "colobot-common-sounds", "extremetuxracer-data", "fillets-ng-data"),
    *("freedroidrpg-data", "fretsonfire-songs-*", "hedgewars-data", "lincity-ng-data"),
    *("marsshooter-data", "starfighter-data", "supertux-data", "ufoai-music", "wesnoth-*"),
    *("xmoto-data", "a7xpg-data", "gunroar-data", "mu-cade-data", "noiz2sa-data"),
    *("parsec47-data", "rrootage-data", "titanion-data", "torus-trooper-data"),
    "tumiki-fighters-data",
)
# Each allows copies and derived works.
LICENCES = re.compile(
    r"(CC0-1\.0|CC-BY(-SA)?-[34]\.0|GPL-[123]\.0-(only|or-later)|LAL-1\.2|MIT|Zlib|LicenseRef-"
    r"(Battle-Tanks|Drascula|EFF-OAL-1\.0|Public-Domain))"
)


@pytest.fixture(scope="module")
def tracks():
    return read_tracks(ROOT / "config/free_music.csv")


def sides(tracks, split):
    """Catalogue and hosts of a split."""
    own = tracks[tracks["split"] == split]
    return (own[own["part"] == part] for part in ("catalogue", "host"))


def test_each_recording_stands_once(tracks):
    assert tracks["sha256"].is_unique
    assert not tracks.duplicated(["package", "path"]).any()
    assert (tracks["duration_s"] >= 45).all()
    assert (tracks["title"] != "").all() and (tracks["licence_source"] != "").all()


def test_no_reserved_package(tracks):
    used = [
        package
        for package in set(tracks["package"])
        if any(fnmatchcase(package, reserved) for reserved in RESERVED)
    ]
    assert used == []
    assert set(tracks.loc[tracks["package"] == "warzone2100-music", "split"]) == {"train"}


def test_licences_allow_derived_works(tracks):
    terms = {term for licence in tracks["licence"] for term in licence.split(" OR ")}
    assert [term for term in terms if not LICENCES.fullmatch(term)] == []


@pytest.mark.parametrize("split", ["validation", "fitting", "test"])
def test_hosts_are_of_other_families(tracks, split):
    catalogue, hosts = sides(tracks, split)
    assert not set(catalogue["family"]) & set(hosts["family"])
    assert catalogue["package"].nunique() > 3
    assert len(hosts) >= 10


def test_a_composer_is_of_one_family(tracks):
    named = tracks[tracks["composer"] != ""]
    families = named.groupby("composer")["family"].nunique()
    assert families[families > 1].empty


def test_splits_are_large_enough(tracks):
    assert len(next(sides(tracks, "test"))) >= 150
    assert (tracks["split"] == "train").sum() >= 150
