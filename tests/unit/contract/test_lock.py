"""headworks.lock keeps what was promised."""

import json
from pathlib import Path

import pytest

from headworks.contract.lock import Lock, compare, drifted, lock_of, lock_text, read_lock, refuse_breaks
from headworks.errors import ConfigurationRefused
from headworks.values import Endpoint
from tests.unit.contracts import NUMBERS, PERSON, make_contract, make_endpoint

WIDER = {**PERSON, "required": ["name"]}


def score(**contract: object) -> Endpoint:
    return make_endpoint(make_contract(**contract))  # type: ignore[arg-type]


def write(path: Path, *endpoints: Endpoint) -> Path:
    path.write_bytes(lock_text(lock_of(endpoints)))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headworks.lock"


def test_a_lock_is_read_as_it_was_written(path: Path) -> None:
    endpoints = (score(), make_endpoint(make_contract(PERSON, is_batch=True), "people", 2))

    lock = read_lock(write(path, *endpoints))

    assert lock == lock_of(endpoints)
    assert list(lock.versions) == ["people/v2", "score/v1"]
    assert compare(lock, endpoints) == []
    assert drifted(lock, endpoints) == ()


def test_the_text_depends_on_the_promises_alone() -> None:
    shuffled = dict(reversed(NUMBERS.items()))
    one = lock_text(lock_of([score(), make_endpoint(name="other")]))
    other = lock_text(lock_of([make_endpoint(name="other", timeout_s=3.0), score(request=shuffled)]))

    assert one == other
    assert one.endswith(b"}\n")
    assert json.loads(one)["about"].startswith("The published schemas")


def test_without_a_file_nothing_is_promised(path: Path) -> None:
    assert read_lock(path) == Lock()
    refuse_breaks(read_lock(path), [score()])
    assert drifted(read_lock(path), [score()]) == ("score/v1",)


def test_a_compatible_change_is_accepted_and_shows_as_drift(path: Path) -> None:
    lock = read_lock(write(path, score(request=PERSON)))

    refuse_breaks(lock, [score(request=WIDER)])
    refuse_breaks(lock, [score(request=PERSON, is_batch=True)])
    assert drifted(lock, [score(request=WIDER)]) == ("score/v1",)


def test_a_breaking_change_is_refused_with_what_broke(path: Path) -> None:
    lock = read_lock(write(path, score(request=WIDER, is_batch=True), make_endpoint(name="kept")))

    with pytest.raises(ConfigurationRefused) as caught:
        refuse_breaks(lock, [score(request=PERSON)])

    assert [wrong.pointer for wrong in caught.value.errors] == ["/kept/v1", "/score/v1/age", "/score/v1"]
    assert "score/v1: request at /age: field's presence: was optional, is now required" in caught.value.detail
    assert "compatibility.md" in caught.value.detail


def test_a_new_version_beside_the_old_one_breaks_nothing(path: Path) -> None:
    lock = read_lock(write(path, score(request=WIDER)))

    refuse_breaks(lock, [score(request=WIDER), make_endpoint(make_contract(PERSON), version=2)])


@pytest.mark.parametrize(
    "content",
    [b"", b"{}x", b"\xff", b'{"versions":{"a/v1":{}},"format":1}', b'{"versions":{},"format":2}', b'{"other":1}'],
)
def test_a_broken_lock_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(ConfigurationRefused, match=str(path)):
        read_lock(path)


def test_a_lock_changed_by_hand_is_refused_and_names_the_version(path: Path) -> None:
    document = json.loads(write(path, score()).read_text())
    document["versions"]["score/v1"]["request"]["required"] = []
    path.write_text(json.dumps(document))

    with pytest.raises(ConfigurationRefused, match="by hand at score/v1"):
        read_lock(path)


def test_a_lock_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match="cannot be read"):
        read_lock(tmp_path)
