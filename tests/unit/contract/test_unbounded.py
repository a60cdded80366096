"""What of a request its bytes, its cap and the number of its answers do not bound."""

import json

import pytest

from headworks.contract.tasks.completion import beginnings
from headworks.contract.tasks.unbounded import weight_of


@pytest.mark.parametrize(
    ("prompt", "count"),
    [("a", 1), (["a"], 1), ([1, 2, 3], 1), (["a", "b"], 2), ([[1], [2]], 2), ([1, "b"], 2), (None, 1), ([], 1)],
)
def test_each_beginning_is_answered_and_none_of_them_is_without_bound(prompt, count):
    asked = {"prompt": prompt, "best_of": 3}

    assert beginnings(prompt) == count
    assert weight_of("completion", json.dumps(asked).encode()).beyond == ()


def test_pictures_to_edit_are_counted_however_they_are_written():
    url = '"d\\u0061ta:image/png;base64,aGk="'
    document = f'{{"prompt": "a", "images": [{url}, {url}], "mask": {url}}}'.encode()

    assert b"data:" not in document
    assert weight_of("image-editing", document).pictures == 3
    assert weight_of("image-editing", b"{}").pictures == weight_of("image-editing", b"{").pictures == 0
