"""What ``nsid identify`` might find, small enough to be read off by eye."""

from neuralsampleid.audio.tags import Tags
from neuralsampleid.library.answer import Answer, Findings, QueryAnswers
from neuralsampleid.line import Line

LOOP = [Line(10.0 + 2 * bar, 12.0 + 2 * bar, 64.0, 66.2, 1.1, 9.0, 1.0) for bar in range(12)]


def findings(folder: str = "/music") -> Findings:
    """Two queries, one with a loop and a second answer, one without; and one that is broken."""
    paths, tags = ["soul/old.ogg", "copy.ogg"], Tags("The Olds", "So Old")
    loop = Answer(paths, 151.64, 0.98, None, LOOP, 200.0, "landmarks", tags=tags)
    line = Line(0.25, 4.1234567, 30.0, 33.5, None, 3.0)
    other = Answer(["jazz.wav"], 3.0, None, 0.02, [line], 90.0)
    queries = [
        QueryAnswers("new/one.flac", 60.0, [loop, other], Tags(None, "One")),
        QueryAnswers("two.mp3", 30.5, []),
        QueryAnswers("bad.mp3", 0.0, [], problem="bad.mp3: cannot be decoded"),
    ]
    return Findings(["library"], folder, queries, ["the library holds 3 tracks"])
