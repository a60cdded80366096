"""What holds for every test: how fast the machine is proves nothing, and long files begin early."""

import os

import hypothesis
import pytest

from tests import draws

LONG = ("faults", "story", "docs", "unit/records", "unit/targets/models", "unit/targets/providers/aws")
"""Folders whose tests start programs and wait for them; where several processes share the tests, none is left with these alone."""

draws.register()
hypothesis.settings.load_profile(draws.profile_of(os.environ))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Within long and short, the order that the run's seed has given stays."""
    items.sort(key=lambda item: not item.nodeid.startswith(tuple(f"tests/{folder}/" for folder in LONG)))


def pytest_make_parametrize_id(val, argname):
    """Packed bytes are called by their argument and number: in them stands when they were packed, and processes compare names."""
    return argname if isinstance(val, bytes) and not val.isascii() else None
