"""The styles: a table of how each kind of music is played; a new style is one more entry.

``style`` explains the columns and how to read the patterns.
"""

from __future__ import annotations

from neuralsampleid.composer.style import Comping, Style

STYLES: tuple[Style, ...] = (
    Style(
        name="funk",
        tempo=(90, 118),
        swing=(0.0, 0.35),
        swing_steps=1,
        progressions={
            "dorian": ("i7 i7 IV9 i7", "i9 i9 i9 bVII,IV7", "i7 bIIImaj7 IV9 IV9", "IV9 IV9 v7 i7"),
            "mixolydian": ("I9 I9 IV9 I9", "I9 bVII I9 IV9", "IV9 IV9 I9 V9", "I13 I13 v7 IV9"),
        },
        kits=(0, 8, 16),
        grooves=(
            {"kick": "X.x...x...x..x..", "snare": "....X..o.o..X..o", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X..x..x...X.....", "snare": "....X.o..o..X.o.", "hat": "xoxoxoxoxoxoxoxo"},
            {
                "kick": "X.x.......x..x..X..x..x...x.....",
                "snare": "....X..o.o.oX.......X..o.o..X.oo",
                "hat": "x.x.x.x.x.x.x...x.x.x.x.x.x.x...",
                "open": "..............x...............x.",
            },
            {
                "kick": "X...x..x..x...x.",
                "snare": "....X......oX...",
                "hat": "xxxxxxx.xxxxxxx.",
                "open": ".......x.......x",
                "conga_high": "..x..x....x..x..",
            },
        ),
        bass_programs=(33, 36, 37),
        bass=("R..R..8.R.7.5.a.", "R.-8..R.r.75..aR", "R...8.7.5.R.r.3.", "RR..8..R..7.5.6a"),
        comping=(
            Comping((27, 28, 7), ("..x.o.x...x.oo..", "xooxooxo.oxoxooo", "....x-....x.x-..")),
            Comping((4, 16, 18), ("x---..x---......", "..x-..x---..x---", "x-------....x-..")),
        ),
        pads=(61, 16, 48),
        riffs=(7, 28, 61, 66, 27),
        leads=(52, 53, 66, 64, 54),
    ),
    Style(
        name="soul",
        tempo=(70, 106),
        swing=(0.0, 0.7),
        swing_steps=1,
        progressions={
            "major": (
                "Imaj7 vi7 ii7 V7sus4",
                "Imaj7 iii7 IVmaj7 iv6",
                "ii7 V7 Imaj7 VI7",
                "IVmaj7 iii7 ii9 V9",
            ),
            "minor": ("i9 iv9 bVIImaj7 bIIImaj7", "i7 bVImaj7 iv7 V7", "bVImaj7 V7 i7 i7"),
        },
        kits=(0, 8, 40),
        grooves=(
            {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X..x....x.x.....", "rim": "....X.......X...", "hat": "x.xox.x.x.xox.x."},
            {
                "kick": "X......xX.......X.....x.X..x....",
                "snare": "....X.......X..o....X.......X.oo",
                "hat": "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.",
                "tambourine": "....x.......x.......x.......x...",
            },
        ),
        bass_programs=(33, 32, 35),
        bass=("R-----5.8---5-a.", "R--R....5--6..a.", "R-----..R-3-5-a-", "R...r.8-7---5--a"),
        comping=(
            Comping((4, 5, 0), ("x---....x---..o.", "x-----x---x-----", "..x---..x-----..")),
            Comping((27, 26), ("....x-......x-..", "....x-..o...x-.o", "1-2-3-4-3-2-....")),
        ),
        pads=(48, 49, 16, 61),
        riffs=(61, 27, 11, 66, 48),
        leads=(53, 52, 66, 64, 56),
    ),
    Style(
        name="disco",
        tempo=(106, 130),
        swing=(0.0, 0.1),
        swing_steps=1,
        progressions={
            "minor": ("i7 iv7 bVII bIIImaj7", "i i bVI bVII", "bVImaj7 bVII v7 i7", "iv7 V7 i7 i7"),
            "major": ("Imaj7 IVmaj7 ii7 V7", "vi7 IVmaj7 I V", "ii7 iii7 IVmaj7 V7sus4"),
        },
        kits=(0, 8, 24),
        grooves=(
            {
                "kick": "X...X...X...X...",
                "snare": "....X.......X...",
                "hat": "x.o.x.o.x.o.x.o.",
                "open": "..x...x...x...x.",
            },
            {
                "kick": "X...X...X...X.x.",
                "clap": "....X.......X...",
                "hat": "xxoxxxoxxxoxxxox",
                "tambourine": "..x...x...x...x.",
            },
            {
                "kick": "X...X...X..xX...",
                "snare": "....X..o....X.o.",
                "open": "..x...x...x...x.",
                "cowbell": "x.x.x..xx.x.x..x",
            },
        ),
        bass_programs=(33, 34, 38),
        bass=("R-8-R-8-R-8-R-8-", "R..R..8.R.8.5.8.", "R.8.r.8.5.8.7.8a", "R---..8.R-8-..5a"),
        comping=(
            Comping((27, 28), ("..xo..xo..xo..xo", "xoxxoxxoxoxxoxxo", "..x...x.x.x...x.")),
            Comping((4, 0, 2), ("x-..x-..x-..x-..", "..x-..x-..x-..x-", "x--x--x-..x-x---")),
        ),
        pads=(48, 50, 51),
        riffs=(48, 61, 7, 11, 80),
        leads=(53, 52, 54, 73),
    ),
    Style(
        name="boom_bap",
        tempo=(78, 100),
        swing=(0.3, 0.85),
        swing_steps=1,
        progressions={
            "minor": (
                "i9 iv9 i9 v7",
                "i7 bVImaj7 i7 bVImaj7",
                "i7 bVII bVImaj7 V7",
                "iv7 iv7 i9 i9",
            ),
            "dorian": ("i9 IV9 i9 IV9", "i7 ii7 i7 ii7", "i7 v7 bVIImaj7 IV7"),
        },
        kits=(8, 16, 25, 0),
        grooves=(
            {"kick": "X.....x...X.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {
                "kick": "X..x......X..x..X.x.......X....x",
                "snare": "....X.......X.......X..o....X...",
                "hat": "x.x.x.x.x.x.x.x.x.x.x.xox.x.x.xo",
            },
            {
                "kick": "X.x....x..x.....",
                "snare": "....X..o....X..o",
                "hat": "x...x...x...x...",
                "open": "......x.........",
            },
        ),
        bass_programs=(32, 38, 33),
        bass=("R-----..R-..5-..", "R--r....R--..a..", "R-------..8-7-5-", "R..R..-.5-..a-.."),
        comping=(
            Comping((4, 5, 11), ("x-------..x-----", "x---------------", "x--x--..x-------")),
            Comping((0, 26, 46), ("1.2.3.4.3.2.3.2.", "..x.......x.....", "1-3-2-4-....3-2-")),
        ),
        pads=(48, 88, 49),
        riffs=(11, 0, 26, 73, 61),
        leads=(53, 73, 56, 64, 85),
    ),
    Style(
        name="house",
        tempo=(114, 132),
        swing=(0.0, 0.4),
        swing_steps=1,
        progressions={
            "minor": ("i9 i9 bVImaj7 bVII", "i7 v7 iv7 iv7", "bVImaj7 bVII i9 i9"),
            "dorian": ("i9 IV9 i9 IV9", "i7 i7 bVII IV7", "IV9 IV9 i9 i9"),
        },
        kits=(24, 25),
        grooves=(
            {
                "kick": "X...X...X...X...",
                "clap": "....X.......X...",
                "open": "..x...x...x...x.",
                "hat": "o.o.o.o.o.o.o.o.",
            },
            {
                "kick": "X...X...X...X..x",
                "clap": "....X.......X..o",
                "open": "..x...x...x...x.",
                "shaker": "xoxoxoxoxoxoxoxo",
            },
            {
                "kick": "X...X...X...X...",
                "rim": "...x..x....x..x.",
                "clap": "....X.......X...",
                "hat": "..x...x...x...x.",
                "conga_low": "x..x......x..x..",
            },
        ),
        bass_programs=(38, 39, 87),
        bass=("..R...R...R...R.", "R..R..R.R..R..8.", "..RR..R...RR..58", "R..8..R...8.R.7."),
        comping=(
            Comping((0, 16, 5), ("x..x..x...x..x..", "..x...x...x...x.", "x--x--x-..x-x...")),
            Comping((81, 90, 62), ("x..x..x..x..x.x.", "1.3.2.4.1.3.2.4.", "....x-......x-x.")),
        ),
        pads=(50, 89, 90, 94),
        riffs=(80, 81, 62, 0, 16),
        leads=(52, 54, 85, 80),
    ),
    Style(
        name="rock",
        tempo=(96, 150),
        swing=(0.0, 0.05),
        swing_steps=2,
        progressions={
            "major": ("I5 V5 vi IV5", "I5 IV5 I5 V5", "IV5 I5 V5 V5", "I5 bVII5 IV5 I5"),
            "minor": ("i bVI5 bIII5 bVII5", "i i bVII5 bVI5", "i bVII5 iv bVI5"),
            "blues": ("I5 I5 bIII5 IV5", "I5 bVII5 IV5 I5", "IV5 IV5 I5 V5"),
        },
        kits=(0, 16, 8),
        grooves=(
            {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.x...x.X.x.....", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x."},
            {
                "kick": "X.......X.x.....X..x..x.X.x.....",
                "snare": "....X.......X.......X.......X.x.",
                "open": "x...x...x...x...x...x...x...x...",
            },
            {"kick": "X.X...X.X.X...X.", "snare": "....X..x....X...", "hat": "x...x...x...x..."},
        ),
        bass_programs=(34, 33),
        bass=("R-R-R-R-R-R-R-R-", "R---R-..R---5-a.", "R-..R-R-R-..5-7-", "R-------R---5---"),
        comping=(
            Comping((30, 29), ("X-o-o-X-o-o-X-o-", "X-------X-----x-", "X-..x-X-..x-X---")),
            Comping((25, 27, 18), ("x-x-xox-x-xoxoxo", "x---..x-x-x---..", "1-2-3-4-3-2-3-2-")),
        ),
        pads=(18, 16, 48),
        riffs=(30, 29, 27),
        leads=(53, 52, 29, 30, 85),
    ),
    Style(
        name="jazz_swing",
        tempo=(108, 150),
        swing=(0.75, 1.0),
        swing_steps=2,
        progressions={
            "major": (
                "ii7 V7 Imaj7 VI7",
                "Imaj7,vi7 ii7,V7 iii7,VI7 ii7,V7",
                "Imaj7 IV7 iii7,VI7 ii7,V7",
                "IVmaj7 iv6 iii7 VI7b9",
            ),
            "minor": ("i6 ii7b5,V7b9 i6 V7b9", "iv7 bVII7 bIIImaj7 ii7b5,V7b9", "i7 iv7 V7b9 i6"),
        },
        kits=(32, 40),
        grooves=(
            {"ride": "x...x.x.x...x.x.", "hat": "....x.......x...", "kick": "o.......o......."},
            {
                "ride": "x...x.x.x...x.x.x...x.x.x...x...",
                "hat": "....x.......x.......x.......x...",
                "snare": "......o.............o.....x...o.",
                "kick": "o.............o.........o.....x.",
            },
            {"ride": "x.x.x.x.x.x.x.x.", "snare": "....x.......x.o.", "kick": "o...o...o...o..."},
        ),
        bass_programs=(32,),
        bass=("w---w---w---w---", "w---w---w--rw---", "R-----..5-----a-"),
        comping=(
            Comping((0, 26, 11), ("x-....x-........", "......x---..x-..", "x---..x-....x---")),
            Comping((26, 0, 4), ("o...o...o...o...", "..x-......x-..o.", "......x-x-......")),
        ),
        pads=(49, 11),
        riffs=(56, 66, 57, 11),
        leads=(64, 66, 56, 71, 53, 73),
    ),
    Style(
        name="reggae",
        tempo=(70, 94),
        swing=(0.1, 0.6),
        swing_steps=1,
        progressions={
            "minor": ("i i iv iv", "i bVII bVI bVII", "iv7 v7 i i", "i7 iv7 i7 v7"),
            "major": ("I I ii ii", "I IV I V", "I vi ii V", "IV iii ii V"),
        },
        kits=(0, 8),
        grooves=(
            {"kick": "........X.......", "rim": "........X.......", "hat": "x.x.x.x.x.x.x.xo"},
            {"kick": "X...X...X...X...", "snare": "........X.......", "hat": "x.xox.x.x.xox.x."},
            {
                "kick": "........X...............X.....x.",
                "rim": "....o...X..o........o...X...o...",
                "hat": "x.x.x.x.x.x.x.x.x.xox.x.x.x.x.xo",
                "tom_high": "...............x..............x.",
            },
        ),
        bass_programs=(33, 32, 35),
        bass=("R--R..5.8-..5-..", "....R-5-R-..3-5-", "R-R-..8-5-..a-..", "R---....R-3-5-3-"),
        comping=(
            Comping((27, 28, 0), ("....X.......X...", "....X.o.....X.o.", "....X..o....X..o")),
            Comping((16, 18, 17), ("..o.x.o...o.x.o.", "..o-..o-..o-..o-", "......o.x-....o.")),
        ),
        pads=(16, 18, 48),
        riffs=(22, 57, 61, 7, 28),
        leads=(53, 52, 22, 57, 66),
    ),
    Style(
        name="bossa_nova",
        tempo=(108, 144),
        swing=(0.0, 0.1),
        swing_steps=2,
        progressions={
            "major": (
                "Imaj9 Imaj9 II7 II7",
                "ii9 V13 Imaj9 VI7b9",
                "Imaj7 bVII7 ii7 V7b9",
                "IVmaj7 iv6 iii7 VI7",
            ),
            "minor": ("i9 i9 ii7b5 V7b9", "iv9 bVII13 bIIImaj7 bVImaj7", "i6 bVImaj7 ii7b5 V7b9"),
        },
        kits=(0, 40, 32),
        grooves=(
            {"rim": "x..x..x...x..x..", "kick": "x...x..xx...x..x", "hat": "xoxoxoxoxoxoxoxo"},
            {
                "rim": "x.....x.....x.......x.....x.....",
                "kick": "x.....xxx.....xxx.....xxx.....xx",
                "shaker": "xoxoxoxoxoxoxoxoxoxoxoxoxoxoxoxo",
            },
            {
                "rim": "..x..x....x..x..",
                "kick": "x......xx......x",
                "hat": "x.xox.xox.xox.xo",
                "triangle": "o.x.o.x.o.x.o.x.",
            },
        ),
        bass_programs=(32, 35),
        bass=("R-----5-R-----5-", "R-----55-----RR-", "R-----a-5-----a-"),
        comping=(
            Comping((24, 26), ("x-.x-..x-.x-..x-", "x-..x-.x-..x-.x-", "..x-..x-..x-.x-.")),
            Comping((0, 4), ("x-----..x---....", "......x-....x---", "1-.2-.3-.4-.3-.2")),
        ),
        pads=(48, 49),
        riffs=(24, 73, 11, 26),
        leads=(53, 73, 66, 56, 71),
    ),
    Style(
        name="synth_pop",
        tempo=(94, 140),
        swing=(0.0, 0.05),
        swing_steps=1,
        progressions={
            "major": ("I V vi IV", "vi IV I V", "IV V vi I", "I iii IV IV"),
            "minor": ("i bVI bIII bVII", "i bVII bVI bVII", "bVI bVII i i", "iv bVI bVII v"),
            "phrygian": ("i bII i bII", "i bII bVII i"),
        },
        kits=(24, 25, 16),
        grooves=(
            {"kick": "X...X...X...X...", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.......X.x.....", "clap": "....X.......X...", "hat": "xxxxxxxxxxxxxxxx"},
            {
                "kick": "X..x..x.....x...",
                "snare": "....X.......X...",
                "clap": "....x.......x..x",
                "hat": "x.xxx.xxx.xxx.xx",
                "open": "......x.......x.",
            },
        ),
        bass_programs=(38, 39, 81),
        bass=("R.R.R.R.R.R.R.R.", "RR8RRR8RRR8RRR8R", "R.-R..R.8.-R..5.", "R-------..R-8-5-"),
        comping=(
            Comping((81, 90, 80), ("1234123412341234", "1.2.3.4.3.2.3.4.", "13243142132431.2")),
            Comping((62, 63, 5), ("x-......x-......", "x--x--x---..x---", "x-----x-----x---")),
        ),
        pads=(50, 89, 91, 95),
        riffs=(80, 81, 62, 98, 87),
        leads=(54, 52, 85, 80, 81),
    ),
    Style(
        name="blues",
        tempo=(70, 124),
        swing=(0.7, 1.0),
        swing_steps=2,
        progressions={
            "blues": (
                "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
                "I7 I7 IV7 I7",
                "IV9 IV9 I7 I7",
                "V7 IV7 I7 V7",
            ),
            "minor": ("i7 i7 iv7 i7", "bVI7 V7 i7 V7", "iv7 iv7 i7 i7"),
        },
        kits=(0, 8, 40),
        grooves=(
            {"kick": "X.......X.......", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x."},
            {"kick": "X.....x.X.....x.", "snare": "....X.......X.o.", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.....x.X.......", "rim": "....X.......X...", "hat": "x...x.x.x...x.x."},
        ),
        bass_programs=(32, 33),
        bass=("R-R-5-5-6-6-5-5-", "w---w---w---w---", "R---3---5---6---", "R-..R-..5-..a-.."),
        comping=(
            Comping((0, 3, 27), ("x-..x-..x-..x-..", "....x-......x-..", "x---..x-....x-..")),
            Comping((16, 18, 29), ("x-------x-------", "..o-..o-..o-..o-", "x-..........x-x-")),
        ),
        pads=(16, 18),
        riffs=(29, 27, 22, 66, 0),
        leads=(29, 22, 53, 66, 27),
    ),
    Style(
        name="afrobeat",
        tempo=(96, 128),
        swing=(0.0, 0.3),
        swing_steps=1,
        progressions={
            "dorian": ("i7 i7 i7 IV7", "i7 IV7 i7 IV7", "i9 i9 v7 v7", "bVII bVII i7 i7"),
            "minor": ("i7 i7 iv7 i7", "i7 v7 i7 v7", "iv7 iv7 i7 i7"),
        },
        kits=(0, 8),
        grooves=(
            {
                "kick": "X..x..x.X..x..x.",
                "snare": "......x.....x..o",
                "hat": "x.xxx.xxx.xxx.xx",
                "shaker": "xoxoxoxoxoxoxoxo",
            },
            {
                "kick": "X.....x.x.....x.",
                "rim": "..x..x....x.x...",
                "hat": "xoxxxoxxxoxxxoxx",
                "conga_high": "x..x..x...x.x...",
                "conga_low": "......xx......xx",
            },
            {
                "kick": "X...x...X...x.x.",
                "snare": "...x..o....x..o.",
                "open": "..x...x...x...x.",
                "agogo": "x.x.x..x.x.x..x.",
            },
        ),
        bass_programs=(33, 34),
        bass=("R-.R..5.7-.8..5.", "R.R...8.7.5...R.", "..R.R.5...7.8.5.", "R--5..R--7..8-5-"),
        comping=(
            Comping((27, 28), ("1.3.2.31.3.2.31.", "x.o.x.oox.o.x.oo", "..xo..x...xo..x.")),
            Comping((16, 17, 4), ("..x-......x-....", "x--x--x-........", "......x-x-....x-")),
        ),
        pads=(61, 16),
        riffs=(61, 66, 27, 57),
        leads=(66, 52, 53, 64, 56),
    ),
)


def styles_at(tempo: float) -> list[Style]:
    """The styles that are played at a tempo in beats per minute."""
    return [style for style in STYLES if style.tempo[0] <= tempo <= style.tempo[1]]
