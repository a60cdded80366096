"""Values of secret managers: what is asked, what may come back, and that no failure tells a secret."""

import threading

import pytest

from headworks.errors import ConfigurationRefused
from headworks.settings.managers import LARGEST_CHARACTERS, answer_of, read_secret
from headworks.settings.reading import parse_config

SOON_S = 0.05


def test_a_managers_text_is_taken_without_blanks_around_it():
    assert answer_of(lambda name: f" {name}-value\n", "vault", "team/key", 10) == "team/key-value"


def failing(name):
    raise PermissionError("s3cret is not for you")


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (failing, "the secret manager vault, which failed: PermissionError"),
        (lambda name: b"s3cret", "gave no text"),
        (lambda name: None, "gave no text"),
        (lambda name: "s3cret" * LARGEST_CHARACTERS, "gave no text"),
        (lambda name: LookupError("s3cret"), "gave no text"),
    ],
)
def test_what_goes_wrong_is_told_without_a_word_of_the_managers(read, told):
    with pytest.raises(LookupError, match=told) as caught:
        answer_of(read, "vault", "key", 10)

    assert "s3cret" not in str(caught.value)


def test_a_manager_that_hangs_is_left_behind():
    end = threading.Event()
    try:
        with pytest.raises(LookupError, match="gave no answer"):
            answer_of(lambda name: str(end.wait(30)), "vault", "key", SOON_S)
    finally:
        end.set()


@pytest.mark.parametrize("words", ["secret:", "secret:vault", "secret:vault/", "secret:/key"])
def test_a_manager_and_a_name_are_needed(words):
    with pytest.raises(LookupError, match="secret:MANAGER/NAME"):
        read_secret(words)


def test_a_manager_that_is_not_installed_is_refused_with_its_place():
    text = 'providers:\n  up: {base_url: "http://127.0.0.1:1", api_key: "secret:valut/key"}\n'
    with pytest.raises(ConfigurationRefused) as caught:
        parse_config(text, "headworks.yaml", {})

    (error,) = caught.value.errors
    assert error.message.startswith(
        "headworks.yaml:2: providers.up.api_key: asks for the secret manager 'valut'; those installed: "
    )
