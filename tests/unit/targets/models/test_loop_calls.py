"""Which batches are decoded in one step, and that every call is answered once whichever way they go."""

import socket
from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.targets.models.channel import Receiver, pack
from headworks.targets.models.codec import codec_for
from headworks.targets.models.inbox import Inbox
from headworks.targets.models.loop_calls import CallLoop
from headworks.targets.models.messages import Batch, Cancel, Load, decode_from_worker
from headworks.targets.models.runner import Source
from headworks.targets.models.signature import read_signature
from headworks.targets.models.typed import Described, TypedRunner

LOAD = Load(Source("python", "m:M", "/"), 32, True, 64, 2**20)
NEVER_NS = 2**62
PAST_NS = 1


def double(batch: list[float]) -> list[float]:
    if 13.0 in batch:
        raise ValueError("unlucky")
    return [2 * row for row in batch]


class Counting(TypedRunner):
    """Counts the batches that were decoded in one step."""

    together = 0

    def decode_all(self, documents):
        rows = super().decode_all(documents)
        self.together += rows is not None
        return rows


def batch_of(documents, *, first=1, deadline_ns=NEVER_NS, arrays=()):
    ids = list(range(first, first + len(documents)))
    return Batch(ids, list(map(len, documents)), [deadline_ns] * len(ids), list(arrays)), documents


def answered(*frames):
    """What a loop answers to messages, by call, and how many batches it decoded in one step."""
    signature = read_signature(double, "M")
    runner = Counting(
        double, signature, (codec_for(signature.request), codec_for(signature.reply)), Described((), "v1", "")
    )
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        for message, parts in frames:
            ours.sendall(pack(message, parts).data)
        ours.shutdown(socket.SHUT_WR)
        CallLoop(Inbox(theirs), runner, LOAD).run(lambda: None)
        theirs.close()
        return _outputs(Receiver(ours)), runner.together


def _outputs(receiver):
    found = {}
    while not receiver.is_ended:
        for frame in receiver.receive():
            done = decode_from_worker(frame.header)
            at = 0
            for call_id, size in zip(done.ids, done.sizes, strict=True):
                assert call_id not in found
                found[call_id] = msgspec.json.decode(frame.body[at : at + size])
                at += size
            found |= {failure.id: failure.code for failure in done.failures}
    return found


def test_plain_calls_are_decoded_in_one_step():
    assert answered(batch_of([b"1", b"2"])) == ({1: 2.0, 2: 4.0}, 1)


@pytest.mark.parametrize("wrong", [b'"x"', b"[", b"[1]"])
def test_a_wrong_document_fails_its_own_call_only(wrong):
    outputs, together = answered(batch_of([b"1", wrong, b"3"]))

    assert (outputs[1], outputs[3]) == (2.0, 6.0)
    assert outputs[2] in {"schema_violation", "not_json"}
    assert together == 0


def test_a_row_that_raises_fails_its_own_call_only():
    assert answered(batch_of([b"1", b"13", b"3"])) == ({1: 2.0, 2: "model_error", 3: 6.0}, 1)


def test_calls_beside_an_array_and_late_calls_get_a_look_of_their_own():
    beside = answered(batch_of([b"[1, 2]", b"3"], arrays=[(0, 2)]))
    late = answered(batch_of([b"1"], deadline_ns=PAST_NS))

    assert beside == ({1: [2.0, 4.0], 2: 6.0}, 0)
    assert late == ({1: "deadline_exceeded"}, 0)


def test_a_cancelled_call_is_skipped_and_an_old_cancellation_is_no_hindrance():
    first, second, third = batch_of([b"1"]), batch_of([b"2", b"3"], first=2), batch_of([b"4"], first=4)

    assert answered(first, (Cancel([2]), ()), second, third) == ({1: 2.0, 2: "client_gone", 3: 6.0, 4: 8.0}, 2)
    assert answered(first, (Cancel([99]), ()), third) == ({1: 2.0, 4: 8.0}, 2)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from([b"1", b"2.5", b"13", b'"x"', b"[", b"1e0"]), min_size=1, max_size=5), max_size=5)
)
def test_every_call_is_answered_once_with_its_own_output(batches):
    frames, expected, first = [], {}, 1
    meaning = {b"1": 2.0, b"2.5": 5.0, b"13": "model_error", b'"x"': "schema_violation", b"[": "not_json", b"1e0": 2.0}
    for documents in batches:
        frames.append(batch_of(documents, first=first))
        expected |= {first + place: meaning[document] for place, document in enumerate(documents)}
        first += len(documents)

    assert answered(*frames)[0] == expected
