"""Pleasant names for songs and for those who play them."""

from __future__ import annotations

import numpy as np

# fmt: off
_ADJECTIVES = (
    "Amber", "Blue", "Copper", "Crimson", "Distant", "Early", "Electric", "Emerald", "Endless",
    "Faded", "Gentle", "Golden", "Hidden", "Hollow", "Indigo", "Ivory", "Late", "Little",
    "Lucky", "Lunar", "Midnight", "Northern", "Open", "Paper", "Quiet", "Restless", "Silver",
    "Slow", "Southern", "Sudden", "Velvet", "Wandering", "Warm", "Wild", "Winter", "Yellow",
)
_NOUNS = (
    "Avenue", "Balcony", "Bridge", "Carousel", "City", "Corner", "Daylight", "Diner", "Echo",
    "Express", "Ferry", "Garden", "Harbour", "Highway", "Horizon", "Island", "Kitchen",
    "Lantern", "Letter", "Market", "Mirror", "Morning", "Ocean", "Parade", "Postcard", "Radio",
    "Rain", "River", "Rooftop", "Shadow", "Signal", "Staircase", "Station", "Summer", "Tide",
    "Window",
)
_FORMS = (
    "{a} {n}",
    "{n}",
    "The {a} {n}",
    "{n} in {a}",
    "{a} {n} Blues",
    "One More {n}",
    "{n} Song",
)
_PLACES = ("Lisbon", "Lagos", "Memphis", "Kingston", "Rio", "Leeds", "Osaka", "Turin", "Dakar")
_FIRST = (
    "Ada", "Bruno", "Celia", "Dexter", "Elena", "Felix", "Gloria", "Hugo", "Imani", "Jonas",
    "Kofi", "Lena", "Marcus", "Nina", "Otis", "Paloma", "Quincy", "Rosa", "Simone", "Theo",
    "Uma", "Vera", "Wendell", "Yara",
)
_LAST = (
    "Abara", "Bell", "Castel", "Dorsey", "Evans", "Fontaine", "Grant", "Hayward", "Ibsen",
    "Jarrow", "Kimura", "Lowell", "Mendes", "North", "Okoye", "Palmer", "Quist", "Reyes",
    "Stroud", "Tavares", "Underhill", "Vance", "Whitlow", "Young",
)
# fmt: on
_BANDS = ("{n}s", "The {a} {n}s", "{f} & the {n}s", "{f} {l} Trio", "{a} {n} Orchestra")


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def draw_title(rng: np.random.Generator) -> str:
    """Draw the name of a song."""
    form = _pick(rng, _FORMS)
    adjective = _pick(rng, _PLACES) if " in " in form else _pick(rng, _ADJECTIVES)
    return form.format(a=adjective, n=_pick(rng, _NOUNS))


def draw_artist(rng: np.random.Generator) -> str:
    """Draw the name of a singer or a band."""
    words = {
        "a": _pick(rng, _ADJECTIVES),
        "n": _pick(rng, _NOUNS),
        "f": _pick(rng, _FIRST),
        "l": _pick(rng, _LAST),
    }
    form = _pick(rng, _BANDS) if rng.random() < 0.5 else "{f} {l}"
    return form.format(**words)
