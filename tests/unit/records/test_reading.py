import base64

import msgspec
import pytest

from headworks.errors import HomeUnavailable, NotFound, RecordUnavailable
from headworks.records.note import Verifier
from headworks.records.reading import Filter, Records, own_verifier
from headworks.records.tree import root_from_inclusion
from headworks.values import RecordMode


def test_calls_are_listed_newest_first_one_object_each(log):
    log.start()
    ids = [log.commit(), log.commit(), log.commit()]

    listed = log.newest(most=2)

    assert [call["request_id"] for call in listed] == [ids[2], ids[1]]
    assert listed[0]["seqs"] == [2]
    assert listed[0] | {"endpoint": "sentiment", "version": 1, "status": 200, "state": "done"} == listed[0]
    assert not {"input", "output", "leaf", "signature"} & listed[0].keys()


def test_a_long_list_is_continued_below_its_last_number(log):
    log.start()
    ids = log.commit_many(600)

    first = log.newest(most=400)
    rest = log.newest(most=400, below=first[-1]["seqs"][0])

    assert [call["request_id"] for call in first + rest] == ids[::-1]


def test_a_stream_is_one_object_once_opened_and_once_closed(log):
    log.start()
    entry = log.entry(output=b"")
    opened_row = log.wait(log.ledger.open(entry))
    (running,) = log.newest()

    entry.output, entry.output_media = b"[1,2]", "text/event-stream"
    log.wait(log.ledger.close(opened_row, entry))
    (done,) = log.newest()

    assert (running["state"], running["request_id"]) == ("running", entry.request_id)
    assert (done["state"], done["request_id"], done["seqs"]) == ("done", entry.request_id, [0, 1])
    assert log.show(entry.request_id) | {"input": ['{"text":"good"}'], "output": "[1,2]"} == log.show(entry.request_id)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Filter(endpoint="other"), [1]),
        (Filter(caller="k_2"), [2]),
        (Filter(outcome="model_error"), [3]),
        (Filter(since_ns=1_790_000_000_000_000_000 + 10**9), [4]),
        (Filter(caller="nobody"), []),
    ],
)
def test_a_filter_keeps_what_fits(log, which, expected):
    log.start()
    ids = [log.commit(), log.commit(endpoint="other"), log.commit(caller_id="k_2"), log.commit(outcome="model_error")]
    log.clock.advance(1)
    ids.append(log.commit())

    assert [ids.index(call["request_id"]) for call in log.newest(which)] == expected


def test_content_is_shown_as_it_was(log):
    log.start()
    request_id = log.commit(input=(b'{"text":"gut"}', b"\xff\xd8image"), subject="ann@example.org")

    shown = log.show(request_id)

    assert shown["input"] == ['{"text":"gut"}', {"base64": base64.b64encode(b"\xff\xd8image").decode()}]
    assert shown["output"] == '{"label":"positive"}'
    assert shown["content"] == "kept"
    assert shown["subject_name"] == "ann@example.org"


def test_reading_is_recorded_before_anything_is_shown(log):
    log.start()
    request_id = log.commit()

    def refuse(what):
        raise RecordUnavailable

    with log.read() as records:
        with pytest.raises(RecordUnavailable):
            records.show(request_id, refuse)
        with pytest.raises(RecordUnavailable):
            list(records.export(refuse))
        records.show(request_id, lambda what: log.ledger.accessed_now("admin", what))

    (row,) = log.ledger.stores.records.read("SELECT caller_id, detail, seq FROM records WHERE kind = 'access'")
    assert row == ("admin", f'{{"read":"show","request_id":"{request_id}"}}', 1)


def test_an_access_can_be_recorded_from_the_loop(log):
    log.start()

    log.wait(log.ledger.accessed("admin", {"read": "show"}))

    assert log.ledger.stores.records.read("SELECT count(*) FROM records WHERE kind = 'access'") == [(1,)]


def test_an_unknown_request_is_not_found(log):
    log.start()
    log.commit()

    for request_id in ("nonsense", log.entry().request_id):
        with pytest.raises(NotFound):
            log.show(request_id)


def test_a_request_is_found_by_its_time_also_after_the_clock_was_set_back(log):
    log.start()
    found = []
    for step_s in (0, 0, -3600, 0, 7200):
        log.clock.step_ns += step_s * 10**9
        log.clock.advance(2)
        found.append(log.commit())
        log.settle()

    assert [log.show(request_id)["request_id"] for request_id in found] == found


def test_the_export_holds_every_call_oldest_first(log):
    log.start()
    ids = log.commit_many(300)
    accesses = []

    with log.read() as records:
        lines = [msgspec.json.decode(line) for line in records.export(accesses.append)]

    assert [line["request_id"] for line in lines] == ids
    assert {line["output"] for line in lines} == {'{"label":"positive"}'}
    assert len(accesses) == 1


def test_reading_needs_no_service(log):
    log.start()
    request_id = log.commit()
    log.stop()

    assert log.show(request_id)["content"] == "kept"
    assert sorted(path.name for path in log.home.iterdir()) == ["kek", "keys.db", "records.db"]


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 700])
def test_any_record_is_proven_against_the_signed_checkpoint(log, count):
    log.start()
    log.commit_many(count)
    log.stop()

    with log.read() as records:
        signed = Verifier.parse(records.verifier().text()).open(records.checkpoint())
        for seq in {0, count // 2, count - 1}:
            proof = records.prove(seq)
            path = [bytes.fromhex(digest) for digest in proof.path]
            assert root_from_inclusion(bytes.fromhex(proof.leaf), seq, proof.size, path) == signed.root
            assert proof.note == records.checkpoint()
        with pytest.raises(NotFound):
            records.prove(count)


def test_the_logs_key_is_the_same_from_the_file_and_from_the_secret(log):
    log.start()
    log.stop()

    with log.read() as records:
        assert own_verifier(log.home) == records.verifier().text()
    (log.home / "kek").chmod(0o644)
    assert own_verifier(log.home) is None


def test_a_home_without_a_record_says_so(tmp_path):
    with pytest.raises(HomeUnavailable, match="does not exist"):
        Records(tmp_path)


def test_a_digest_says_what_it_is_and_shows_nothing(log):
    log.start()
    request_id = log.commit(mode=RecordMode.DIGEST)

    assert log.show(request_id) | {"content": "digest", "input": None, "output": None} == log.show(request_id)
