"""What of a request its bytes and its cap do not bound."""

import json

import pytest

from headworks.contract.tasks.unbounded import weight_of


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        ({"prompt": "a", "best_of": 1}, []),
        ({"prompt": ["a"]}, []),
        ({"prompt": [1, 2, 3]}, []),
        ({"prompt": ["a", "b"]}, ["/prompt"]),
        ({"prompt": [[1], [2]]}, ["/prompt"]),
        ({"prompt": [1, "b"]}, ["/prompt"]),
        ({"prompt": "a", "best_of": 3}, ["/best_of"]),
    ],
)
def test_beginnings_and_answers_beyond_the_one_that_is_told_have_no_bound(asked, pointers):
    weight = weight_of("completion", json.dumps(asked).encode())

    assert [each.pointer for each in weight.beyond] == pointers
