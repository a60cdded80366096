"""The rules of a pool, without processes and without waiting."""

import json

import pytest

from headworks.errors import (
    ClientGone,
    DeadlineExceeded,
    Draining,
    ModelCrashed,
    ModelError,
    ModelUnavailable,
    Overloaded,
    SchemaViolation,
)
from headworks.targets.models.channel import FrameRefused
from headworks.targets.models.messages import Done, Failure
from headworks.targets.models.settings import BatchSettings, QueueSettings
from tests.unit.targets.models.fake_engine import Scene, documents
from tests.unit.targets.models.house import call, settings

MILLISECOND_NS = 10**6


def n(number):
    return call({"n": number})


def error_of(pending):
    with pytest.raises(Exception) as caught:
        pending.result()
    return caught.value


def test_calls_of_one_round_of_the_loop_go_together():
    scene = Scene(settings())

    pendings = [scene.start(n(number)) for number in range(3)]
    scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}, {"n": 1}, {"n": 2}]]
    scene.worker.answer()
    assert [json.loads(pending.result().body)["n"] for pending in pendings] == [0, 1, 2]


def test_a_quick_model_is_sent_a_second_batch_and_no_third():
    scene = Scene(settings(batch=BatchSettings(max_size=1)))
    scene.learn(n(0))

    for number in range(5):
        scene.start(n(number))
        scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}], [{"n": 1}]]
    assert scene.pool.state().queued_calls == 3


def test_nothing_is_queued_behind_a_batch_that_takes_long():
    scene = Scene(settings(batch=BatchSettings(max_size=1)))
    scene.learn(n(0), run_ns=50 * MILLISECOND_NS)

    for number in range(3):
        scene.start(n(number))
        scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}]]


def test_what_came_while_the_worker_was_busy_is_taken_at_once():
    scene = Scene(settings())
    scene.learn(n(0), run_ns=50 * MILLISECOND_NS)
    for number in range(5):
        scene.start(n(number))
        scene.world.settle()

    scene.worker.answer(50 * MILLISECOND_NS)

    assert documents(scene.worker) == [[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]]


def test_the_least_busy_worker_is_chosen():
    scene = Scene(settings(replicas=2))
    scene.start(n(0))
    scene.world.settle()
    scene.start(n(1))
    scene.world.settle()

    assert sorted(len(worker.batches) for worker in scene.engine.living) == [1, 1]


def test_a_one_row_model_is_probed_with_one_call_then_sent_what_takes_a_moment():
    scene = Scene(settings(), is_batch=False)
    for number in range(40):
        scene.start(n(number))
    scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}]]
    scene.worker.answer(MILLISECOND_NS // 2)
    assert [len(batch) for batch in documents(scene.worker)] == [4, 4]


def test_a_concurrent_model_is_sent_calls_up_to_its_bound():
    scene = Scene(settings(concurrency=5), is_async=True, is_batch=False)
    for number in range(8):
        scene.start(n(number))
        scene.world.settle()

    assert sum(map(len, documents(scene.worker))) == 5
    scene.worker.answer()
    assert sum(map(len, documents(scene.worker))) == 5


def test_waiting_for_company_ends_when_the_batch_is_full_or_time_is_up():
    scene = Scene(settings(batch=BatchSettings(max_size=3, max_wait_s=0.05)))
    scene.start(n(0))
    scene.world.advance(0.04)
    assert documents(scene.worker) == []
    scene.world.advance(0.02)
    assert documents(scene.worker) == [[{"n": 0}]]
    scene.worker.answer()

    for number in range(3):
        scene.start(n(number))
    scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}, {"n": 1}, {"n": 2}]]


def test_a_waiting_call_expires_without_ever_being_sent():
    scene = Scene(settings(), is_prompt=False)
    pending = scene.start(n(0), seconds=0.5)
    scene.world.advance(0.6)

    assert isinstance(error_of(pending), DeadlineExceeded)
    assert scene.pool.state().queued_calls == 0


def test_a_running_call_expires_for_its_caller_and_its_late_answer_is_dropped():
    scene = Scene(settings())
    pending = scene.start(n(0), seconds=0.5)
    scene.world.advance(0.6)

    assert isinstance(error_of(pending), DeadlineExceeded)
    scene.worker.answer()
    assert scene.pool.state().late == 1


def test_an_abandoned_call_leaves_the_queue():
    scene = Scene(settings(), is_prompt=False)
    pending = scene.start(n(0))
    pending.abandon()
    scene.worker.be_ready()
    scene.world.settle()

    assert documents(scene.worker) == []
    assert isinstance(error_of(pending), ClientGone)


def test_an_abandoned_running_call_is_cancelled_and_its_answer_dropped():
    scene = Scene(settings())
    pending = scene.start(n(0))
    scene.world.settle()
    pending.abandon()

    assert scene.worker.cancelled == [1]
    scene.worker.answer()
    assert scene.pool.state().late == 1


def test_answers_to_what_was_never_asked_are_counted_and_dropped():
    scene = Scene(settings(replicas=2))
    pending = scene.start(n(0))
    scene.world.settle()
    idle, busy = sorted(scene.engine.living, key=lambda worker: len(worker.batches))

    idle.listener.done(Done([1, 99], [3, 3], 2, 5, [Failure(1, "model_error")]), b"abcdef")

    assert not pending.is_done
    assert scene.pool.state().unknown == 3
    busy.answer()
    assert json.loads(pending.result().body) == {"n": 0}


@pytest.mark.parametrize("done", [Done([1], [5], 1, 1), Done([1], [1, 2], 1, 1), Done([1, 1], [3], 1, 1)])
def test_answers_whose_numbers_do_not_fit_are_refused(done):
    scene = Scene(settings())
    pending = scene.start(n(0))
    scene.world.settle()

    with pytest.raises(FrameRefused):
        scene.worker.listener.done(done, b"abc")

    assert not pending.is_done


def test_a_failed_row_fails_its_own_call_only():
    scene = Scene(settings())
    first, second = scene.start(n(0)), scene.start(n(1))
    scene.world.settle()
    scene.worker.answer(fail=(2,))

    assert json.loads(first.result().body) == {"n": 0}
    assert isinstance(error_of(second), ModelError)


def test_a_batch_of_nothing_but_failures_makes_room_as_well():
    scene = Scene(settings(batch=BatchSettings(max_size=1)))
    first, second = scene.start(n(0)), scene.start(n(1))
    scene.world.settle()
    scene.worker.batches.clear()

    scene.worker.listener.done(Done([], [], 0, 0, [Failure(1, "schema_violation")]), b"")

    assert isinstance(error_of(first), SchemaViolation)
    assert documents(scene.worker) == [[{"n": 1}]]
    assert not second.is_done


def test_a_full_queue_refuses_with_the_time_to_come_back():
    scene = Scene(settings(queue=QueueSettings(max_calls=2, caller_share=1.0)), is_prompt=False)

    pendings = [scene.start(n(number)) for number in range(3)]

    refused = error_of(pendings[2])
    assert isinstance(refused, Overloaded)
    assert refused.retry_after_s > 0


def test_a_crash_fails_the_running_batch_and_requeues_the_next():
    scene = Scene(settings(batch=BatchSettings(max_size=2)))
    scene.learn(n(9))
    pendings = [scene.start(n(number)) for number in range(4)]
    scene.world.settle()

    scene.worker.end()
    scene.world.advance(0.1)

    assert [isinstance(error_of(pending), ModelCrashed) for pending in pendings[:2]] == [True, True]
    assert documents(scene.worker) == [[{"n": 2}, {"n": 3}]]


def test_a_call_is_not_requeued_for_ever():
    scene = Scene(settings(batch=BatchSettings(max_size=1)))
    scene.learn(n(9))
    for _ in range(4):
        scene.start(n(0))
        scene.world.settle()
    last = scene.start(n(1), seconds=3600)
    tries = 0
    while not last.is_done and tries < 20:
        tries += 1
        scene.worker.end()
        scene.world.advance(1)

    assert isinstance(error_of(last), ModelCrashed)


def test_a_worker_that_runs_too_long_is_killed_and_its_calls_fail():
    scene = Scene(settings(hard_timeout_s=2.0))
    pending = scene.start(n(0), seconds=60)
    hung = scene.worker
    scene.world.advance(2.1)

    assert hung.is_killed
    assert isinstance(error_of(pending), DeadlineExceeded)
    assert len(scene.engine.living) == 1


def test_a_batch_behind_a_slow_one_is_recalled_for_another_worker():
    scene = Scene(settings(replicas=2, batch=BatchSettings(max_size=1)))
    for _ in range(3):
        scene.start(n(9))
        scene.world.settle()
        next(worker for worker in scene.engine.living if worker.batches).answer()
    pendings = [scene.start(n(number)) for number in range(4)]
    scene.world.settle()
    hung, quick = scene.engine.living
    for _ in range(2):
        quick.answer()

    scene.world.advance(0.2)

    assert len(quick.batches) == 1
    (moved,) = documents(quick)[0]
    quick.answer()
    assert json.loads(pendings[moved["n"]].result().body) == moved
    for _ in range(2):
        hung.answer()
    assert all(pending.is_done for pending in pendings)
    assert scene.pool.state().late == 1


def test_a_concurrent_call_that_runs_too_long_is_cancelled_first():
    scene = Scene(settings(hard_timeout_s=2.0), is_async=True, is_batch=False)
    slow = scene.start(n(0), seconds=60)
    scene.world.advance(1.9)
    other = scene.start(n(1), seconds=60)
    scene.world.advance(0.2)

    assert isinstance(error_of(slow), DeadlineExceeded)
    assert scene.worker.cancelled == [1]
    assert not scene.worker.is_killed
    assert not other.is_done
    hung = scene.worker
    scene.world.advance(1.1)
    assert hung.is_killed


def test_back_off_doubles_until_a_call_is_answered():
    scene = Scene(settings())
    gaps = []
    for _ in range(4):
        scene.worker.end()
        before_ns, count = scene.world.now_ns, len(scene.engine.workers)
        while len(scene.engine.workers) == count:
            scene.world.advance(0.01)
        gaps.append(round((scene.world.now_ns - before_ns) / 10**9, 2))
    scene.learn(n(0), times=1)
    scene.worker.end()
    scene.world.advance(0.06)

    assert gaps == [0.05, 0.1, 0.2, 0.4]
    assert len(scene.engine.living) == 1


def test_a_worker_that_cannot_be_started_is_tried_again():
    scene = Scene(settings())
    scene.engine.refusals = 2
    scene.worker.end()
    scene.world.advance(1)

    assert scene.pool.state().status == "ready"


def test_a_start_that_fails_leaves_nothing_running():
    scene = Scene(settings(replicas=2), is_prompt=False)
    scene.engine.workers[0].refuse("no weights")
    scene.world.settle()

    failed = error_of(scene.opened)
    assert isinstance(failed, ModelUnavailable)
    assert failed.reason == "no weights"
    assert scene.engine.living == []


def test_a_recycled_worker_serves_until_its_successor_is_ready():
    scene = Scene(settings(max_requests=2))
    scene.engine.is_prompt = False
    scene.learn(n(0), times=2)
    old, successor = scene.engine.living
    pending = scene.start(n(1))
    scene.world.settle()

    successor.be_ready()
    assert not old.is_gone
    later = scene.start(n(2))
    scene.world.settle()
    old.answer()
    successor.answer()

    assert old.is_gone
    assert json.loads(pending.result().body) == {"n": 1}
    assert json.loads(later.result().body) == {"n": 2}


def test_a_successor_that_fails_leaves_the_old_worker_serving():
    scene = Scene(settings(max_requests=2))
    scene.engine.is_prompt = False
    scene.learn(n(0), times=2)
    old, successor = scene.engine.living
    successor.refuse("no memory")
    pending = scene.start(n(1))
    scene.world.settle()
    old.answer()

    assert json.loads(pending.result().body) == {"n": 1}
    assert scene.engine.living == [old]
    scene.world.advance(0.1)
    scene.learn(n(0), times=1)
    assert len(scene.engine.living) == 2


def test_a_worker_above_its_memory_is_replaced():
    scene = Scene(settings(max_rss_bytes=2**20))
    old = scene.worker
    old.resident = 2**21
    scene.world.advance(1.1)

    assert old.is_gone
    assert len(scene.engine.living) == 1
    assert scene.pool.state().status == "ready"


def test_a_respawned_worker_with_another_contract_is_not_used():
    scene = Scene(settings())
    scene.engine.facts["reply"] = {"type": "string"}
    scene.worker.end()
    scene.world.advance(0.06)
    state = scene.pool.state()

    assert state.ready == 0
    assert "another contract" in state.reason


def test_draining_finishes_what_was_accepted_and_refuses_the_rest():
    scene = Scene(settings())
    accepted = scene.start(n(0))
    drained = scene.pool.drain(5.0)
    refused = scene.start(n(1))
    scene.world.settle()
    assert not drained.is_done
    scene.worker.answer()

    assert json.loads(accepted.result().body) == {"n": 0}
    assert isinstance(error_of(refused), Draining)
    assert drained.is_done


def test_draining_gives_up_after_its_grace():
    scene = Scene(settings(batch=BatchSettings(max_size=1)))
    running, waiting = scene.start(n(0)), scene.start(n(1))
    drained = scene.pool.drain(1.0)
    scene.world.advance(1.1)

    assert drained.is_done
    assert isinstance(error_of(running), ModelCrashed)
    assert isinstance(error_of(waiting), Draining)


def test_an_idle_pool_drains_at_once():
    scene = Scene(settings(replicas=2))

    assert scene.pool.drain(5.0).is_done


def test_the_predicted_wait_grows_with_what_is_ahead():
    scene = Scene(settings(batch=BatchSettings(max_size=4)))
    assert scene.pool.predicted_wait_ns(1) == 0
    scene.learn(n(0), run_ns=20 * MILLISECOND_NS, times=30)
    idle_ns = scene.pool.predicted_wait_ns(1)
    for number in range(9):
        scene.start(n(number))
    scene.world.settle()

    assert idle_ns == 0
    assert scene.pool.predicted_wait_ns(1) >= 2 * 20 * MILLISECOND_NS


def test_an_outcome_says_how_long_it_waited_and_ran_and_in_what_company():
    scene = Scene(settings())
    pending = scene.start(n(0))
    scene.start(n(1))
    scene.world.now_ns += 500
    scene.world.settle()
    scene.worker.answer(run_ns=1234)

    outcome = pending.result()
    assert (outcome.queue_ns, outcome.run_ns, outcome.batch_rows) == (500, 1234, 2)
    assert (outcome.target, outcome.model_version) == ("model", "1")


def test_events_beyond_the_credit_are_never_asked_for():
    scene = Scene(settings(), is_stream=True, is_batch=False)
    pending = scene.start(call({"n": 1}, media="text/event-stream"))
    scene.world.settle()
    for number in range(16):
        scene.worker.event(1, str(number).encode())
    stream = pending.result().stream
    assert scene.worker.granted == []

    events = [stream.next().result() for _ in range(16)]

    assert events == [str(number).encode() for number in range(16)]
    assert sum(granted for _, granted in scene.worker.granted) == 16


def test_a_stream_whose_worker_dies_ends_with_the_error():
    scene = Scene(settings(), is_stream=True, is_batch=False)
    pending = scene.start(call({"n": 1}, media="text/event-stream"))
    scene.world.settle()
    scene.worker.event(1, b"0")
    stream = pending.result().stream
    scene.worker.end()

    assert stream.next().result() == b"0"
    assert isinstance(error_of(stream.next()), ModelCrashed)


def test_a_stream_held_back_by_its_reader_is_not_taken_for_hung():
    scene = Scene(settings(hard_timeout_s=1.0), is_stream=True, is_batch=False)
    pending = scene.start(call({"n": 1}, media="text/event-stream"))
    scene.world.settle()
    for number in range(16):
        scene.worker.event(1, str(number).encode())
    scene.world.advance(5)
    assert not scene.worker.is_killed
    stream = pending.result().stream
    for _ in range(8):
        stream.next()
    worker = scene.worker
    scene.world.advance(0.9)
    assert not worker.is_killed
    scene.world.advance(0.2)

    assert worker.is_killed


def test_a_collected_answer_beyond_its_bound_is_refused():
    scene = Scene(settings(), is_stream=True, is_batch=False)
    pending = scene.start(call({"n": 1}))
    scene.world.settle()
    for _ in range(5):
        scene.worker.event(1, bytes(16 * 2**20))

    assert "too large" in str(error_of(pending))
    assert scene.worker.cancelled == [1]


def test_a_stream_answered_in_time_is_not_late_and_proves_its_worker():
    scene = Scene(settings(), is_stream=True, is_batch=False)
    scene.worker.end()
    scene.world.advance(1)
    pending = scene.start(call({"n": 1}, media="text/event-stream"))
    scene.world.settle()
    (call_id,) = scene.worker.batches[0][0].ids
    scene.worker.event(call_id, b"0")
    scene.world.advance(0.01)
    scene.worker.finish(call_id)
    stream = pending.result().stream

    assert [stream.next().result() for _ in range(2)] == [b"0", None]
    assert scene.pool.state().late == 0
    assert scene.pool._seats.failures == 0
