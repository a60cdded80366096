"""The generated reference is what the code says, and nothing public is left out."""

import pytest
from tools.reference import FOLDER, NOTE, PARTS, below, pages

from headworks import errors
from headworks.settings import types


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_up_to_date(name):
    assert (FOLDER / name).read_text() == NOTE + pages()[name], "run make docs"


def test_every_section_of_the_settings_is_described():
    described = {kind for _, kind in PARTS}
    sections = {kind for kind in vars(types).values() if isinstance(kind, type) and kind.__module__ == types.__name__}

    assert sections <= described


def test_every_error_has_a_code_of_its_own_or_its_parents():
    codes = {kind.code: kind for kind in below(errors.HeadworksError)}

    assert len(codes) > 25
    assert all(code.replace("_", "").isalpha() for code in codes)
