"""One mistake of a configuration."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake: where it stands, and what is wrong with the fix."""

    path: tuple[str, ...]
    text: str
