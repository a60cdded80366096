import base64

import pytest

from headworks.records.note import Checkpoint, Signer, Verifier

PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PUBLISHED_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
ROOT = bytes(range(32))


@pytest.fixture
def signer():
    return Signer("headworks.local/0123", b"s" * 32)


def test_the_published_key_and_signature_of_the_note_format_are_read():
    verifier = Verifier.parse(PUBLISHED_KEY)
    signature = base64.b64decode(PUBLISHED_SIGNATURE)

    assert verifier.text() == PUBLISHED_KEY
    assert signature[:4] == verifier.key_hash
    assert verifier.is_signed(PUBLISHED_TEXT.encode(), signature[4:])


def test_a_checkpoint_is_written_as_the_format_says(signer):
    lines = signer.note(42, ROOT).split("\n")

    assert lines[:4] == ["headworks.local/0123", "42", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith("\u2014 headworks.local/0123 ")
    assert lines[5:] == [""]


def test_a_checkpoint_opens_for_its_log_also_with_a_witness_beside(signer):
    note = signer.note(42, ROOT) + "\u2014 witness.example AAAAAAAA\n"

    assert signer.verifier.open(note) == Checkpoint("headworks.local/0123", 42, ROOT)
    assert Verifier.parse(signer.verifier.text()).open(note).size == 42


@pytest.mark.parametrize(
    "spoil",
    [
        lambda note: note.replace("\n42\n", "\n43\n"),
        lambda note: note.replace("0123\n", "9999\n", 1),
        lambda note: note.split("\n\n", 1)[0],
        lambda note: note.split("\n\n", 1)[0] + "\n\n",
        lambda note: note.replace("\n42\n", "\n4x\n"),
        lambda note: note[:-20] + "\n",
        lambda note: note + "x" * 20_000,
        lambda note: "",
    ],
)
def test_a_spoilt_checkpoint_is_refused(signer, spoil):
    with pytest.raises(ValueError, match="checkpoint|base64|padding"):
        signer.verifier.open(spoil(signer.note(42, ROOT)))


def test_another_logs_checkpoint_is_refused(signer):
    other = Signer("headworks.local/0123", b"t" * 32)

    with pytest.raises(ValueError, match="not signed"):
        signer.verifier.open(other.note(42, ROOT))


@pytest.mark.parametrize(
    "text", ["", "a+b", "name+00000000+AQ==", PUBLISHED_KEY.replace("c74f20a3", "00000000"), "n+c74f20a3+*"]
)
def test_a_malformed_public_key_is_refused(text):
    with pytest.raises(ValueError):
        Verifier.parse(text)


def test_the_signing_key_shows_nowhere(signer):
    assert repr(signer) == "Signer('headworks.local/0123')"
