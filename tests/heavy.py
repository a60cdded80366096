"""How often the tests marked `heavy` repeat themselves: often enough to notice in every run, far more with HEADWORKS_HEAVY=1."""

import os

IS_HEAVY = bool(os.environ.get("HEADWORKS_HEAVY"))


def times(usual, heavy):
    """The count for this run."""
    return heavy if IS_HEAVY else usual
