import json
import pickle

import pytest

from headworks.secret import Secret


def test_a_secret_prints_as_dots_however_it_is_printed():
    secret = Secret("tell-nobody")

    assert "tell" not in f"{secret} {secret!r} {[secret]} {secret:>30}"


def test_only_reveal_gives_the_text():
    assert Secret("tell-nobody").reveal() == "tell-nobody"


def test_an_empty_secret_is_false():
    assert not Secret("")
    assert Secret("x")


@pytest.mark.parametrize("serialise", [json.dumps, pickle.dumps])
def test_a_secret_is_never_serialised(serialise):
    with pytest.raises(TypeError):
        serialise(Secret("tell-nobody"))
