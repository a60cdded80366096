import os
import socket

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.errors import FieldError
from headworks.targets.models.channel import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    FrameDecoder,
    FrameRefused,
    Receiver,
    Sender,
    check_sizes,
    pack,
    send_all,
)
from headworks.targets.models.messages import (
    Batch,
    Cancel,
    Credit,
    Done,
    End,
    Event,
    Failure,
    Load,
    LoadFailed,
    Ready,
    decode_from_front,
    decode_from_worker,
    encode,
)
from headworks.targets.models.runner import Announcement, Source

ANNOUNCED = Announcement({"type": "object"}, {}, True, False, False, ({"x": 1.5},), "abc")
FROM_FRONT = [
    Load(Source("python", "m:X", "/srv", {"a": [1, None]}), 32, True, 64, 2**20),
    Batch([1, 2], [3, 4], [5, 2**62], [(1, 7)], [(0, "image", 9)]),
    Cancel([1, 2, 3]),
    Credit(9, 16),
]
FROM_WORKER = [
    Ready(ANNOUNCED, 12),
    LoadFailed("no weights"),
    Done([1], [2], 1, 3, [Failure(4, "model_error", (FieldError("/a", "b"),), "r")]),
    Event(5),
    End(6),
    End(6, Failure(6, "model_error")),
]


def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs


@pytest.mark.parametrize("message", FROM_FRONT, ids=lambda message: type(message).__name__)
def test_what_the_front_says_is_what_a_worker_reads(message):
    assert decode_from_front(encode(message)) == message


@pytest.mark.parametrize("message", FROM_WORKER, ids=lambda message: type(message).__name__)
def test_what_a_worker_says_is_what_the_front_reads(message):
    assert decode_from_worker(encode(message)) == message


@given(st.lists(st.lists(st.binary(max_size=200), max_size=3), max_size=5), st.lists(st.integers(1, 40)))
def test_frames_cut_anywhere_arrive_whole_and_in_order(bodies, cuts):
    stream = b"".join(pack(Cancel([number]), parts).data for number, parts in enumerate(bodies))
    decoder, frames, at = FrameDecoder(), [], 0
    for cut in [*cuts, len(stream)]:
        frames += decoder.feed(stream[at : at + cut])
        at += cut

    assert [decode_from_front(frame.header) for frame in frames] == [Cancel([n]) for n in range(len(bodies))]
    assert [frame.body for frame in frames] == [b"".join(parts) for parts in bodies]
    assert decoder.is_between_frames


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=64), max_size=20))
def test_garbage_is_refused_or_kept_within_bounds_and_never_crashes(chunks):
    decoder = FrameDecoder()
    try:
        for chunk in chunks:
            for frame in decoder.feed(chunk):
                decode_from_front(frame.header)
    except (FrameRefused, msgspec.MsgspecError):
        return

    assert sum(map(len, chunks)) <= 20 * 64


@pytest.mark.parametrize(("header", "body"), [(MAX_HEADER_BYTES + 1, 0), (1, MAX_BODY_BYTES + 1), (0x8000_0001, 0)])
def test_sizes_above_the_bounds_are_refused_at_the_prefix(header, body):
    with pytest.raises(FrameRefused):
        FrameDecoder().feed(header.to_bytes(4, "little") + body.to_bytes(4, "little"))


@pytest.mark.parametrize("sizes", [[3], [1, 2, 3], [5, -1], []])
def test_sizes_that_do_not_add_up_are_refused(sizes):
    with pytest.raises(FrameRefused):
        check_sizes(sizes, 4)


@pytest.mark.parametrize("size_bytes", [0, 1000, 100_000])
def test_a_body_above_the_limit_travels_in_a_file_and_arrives_the_same(size_bytes):
    parts = (os.urandom(size_bytes), b"tail")
    ours, theirs = pair()
    with ours, theirs:
        files = len(os.listdir("/proc/self/fd"))
        Sender(ours).send(pack(Cancel([1]), parts, attach_above=2000))
        Sender(ours).send(pack(Cancel([2]), (b"next",), attach_above=2000))
        receiver, frames = Receiver(theirs), []
        while len(frames) < 2:
            frames += receiver.receive()
        left = len(os.listdir("/proc/self/fd"))

    assert [frame.body for frame in frames] == [b"".join(parts), b"next"]
    assert left == files


def test_what_the_socket_does_not_take_is_kept_and_sent_in_order():
    ours, theirs = pair()
    with ours, theirs:
        sender, receiver = Sender(ours), Receiver(theirs)
        bodies = [bytes([number]) * 300_000 for number in range(5)]
        gone = [sender.send(pack(Cancel([number]), (body,))) for number, body in enumerate(bodies)]
        frames = []
        while len(frames) < 5:
            sender.flush()
            frames += receiver.receive()

    assert not all(gone)
    assert [frame.body for frame in frames] == bodies


def test_a_file_that_was_announced_and_did_not_come_is_refused():
    ours, theirs = pair()
    packed = pack(Cancel([1]), (bytes(5000),), attach_above=10)
    os.close(packed.file)
    with ours, theirs:
        ours.send(packed.data)

        with pytest.raises(FrameRefused):
            Receiver(theirs).receive()


def test_a_file_shorter_than_announced_is_refused():
    ours, theirs = pair()
    packed = pack(Cancel([1]), (bytes(5000),), attach_above=10)
    os.ftruncate(packed.file, 100)
    with ours, theirs:
        send_all(ours, packed)

        with pytest.raises(FrameRefused):
            Receiver(theirs).receive()


def test_more_files_than_frames_announce_are_refused_and_closed():
    ours, theirs = pair()
    with ours, theirs, open("/dev/null") as file:
        before = len(os.listdir("/proc/self/fd"))
        receiver = Receiver(theirs)
        with pytest.raises(FrameRefused):
            for _ in range(20):
                socket.send_fds(ours, [b"\0"], [file.fileno()] * 3)
                receiver.receive()
        receiver.close()
        after = len(os.listdir("/proc/self/fd"))

    assert after == before


def test_the_end_of_the_stream_is_seen():
    ours, theirs = pair()
    with theirs:
        receiver = Receiver(theirs)
        ours.close()

        assert receiver.receive() == []
        assert receiver.is_ended
