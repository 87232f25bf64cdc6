"""One way to break the zoo: an exact replacement of text in one source file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is broken, and who should notice.

    Attributes:
        what: What is wrong then, as the table says it.
        file: In `redundancy/`.
        old: Text that is there exactly once.
        new: What takes its place.
        tests: Arguments of pytest: the nearest tests, of which at least one has to fail.
        backend: What Keras computes with meanwhile.
    """

    what: str
    file: str
    old: str
    new: str
    tests: str
    backend: str = "tensorflow"
