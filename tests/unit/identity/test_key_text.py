import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.identity.key_text import ID_FROM_END, LONGEST, mint, read_key, redact
from tests.fakes_keys import FakeRandom

KEY = mint("hw", "live", FakeRandom())
TEXT = KEY.reveal()


def test_a_key_has_the_published_shape():
    assert re.fullmatch(r"hw_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", TEXT)
    assert TEXT[ID_FROM_END] == KEY.key_id


def test_the_longest_prefix_still_fits():
    text = mint("a" * 12 + "admin", "b" * 12, FakeRandom()).reveal()

    assert len(text) <= LONGEST
    assert read_key(text) is not None


@given(st.binary(min_size=32, max_size=32))
def test_every_secret_keeps_its_256_bits(secret):
    text = mint("hw", "live", lambda size: secret[:size])
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    value = 0
    for character in text.secret:
        value = value * 62 + digits.index(character)

    assert value == int.from_bytes(secret, "big")
    assert read_key(text.reveal()) == text


@pytest.mark.parametrize("place", range(len(TEXT)))
def test_one_wrong_character_anywhere_is_found_without_asking_anybody(place):
    wrong = "x" if TEXT[place] != "x" else "y"

    assert read_key(TEXT[:place] + wrong + TEXT[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", "hw_live_", TEXT + "0", " " + TEXT, TEXT + "\n"])
def test_what_is_no_key_is_not_read(text):
    assert read_key(text) is None


@pytest.mark.parametrize(
    "around", ["{}", "key={}&x=1", "Bearer {}", '{{"k":"{}"}}', "a_{}_b", "{0}{0}", "https://x/{}?", "\n{}\t"]
)
def test_no_secret_outlives_the_redactor(around):
    safe = redact(around.format(TEXT))

    assert KEY.secret not in safe
    assert KEY.secret[:16] not in safe


def test_a_key_cut_short_is_redacted_too():
    assert KEY.secret[:30] not in redact(TEXT[:-20])


def test_the_redactor_keeps_the_public_id():
    assert redact(f"key {TEXT} was used") == f"key hw_live_{KEY.key_id}_… was used"


def test_ordinary_text_is_left_alone():
    draw = random.Random(1)
    text = " ".join("".join(draw.choices(string.ascii_letters + "_-/.", k=30)) for _ in range(500))

    assert redact(text) == text


def test_a_key_prints_as_dots():
    assert KEY.secret not in f"{KEY} {KEY!r} {[KEY]}"
