"""What a worker process makes of calls, seen through the pool."""

import asyncio
import json

import pytest

from headworks.errors import (
    ContractViolation,
    DeadlineExceeded,
    ModelError,
    SchemaViolation,
)
from headworks.targets.models.settings import BatchSettings
from tests.unit.targets.models.house import call, deadline, models, outcome_of, run, settings, until


def ask(calls, *, seconds=10.0, lines=None, **fields):
    """The outcomes of calls sent at once to one stand-in model."""

    async def scene():
        async with models(settings(**fields), lines=lines) as house:
            pool = house.find("model")
            pendings = [pool.start(each, "ann", deadline(seconds)) for each in calls]
            return [await outcome_of(pending) for pending in pendings]

    return run(scene())


def nonce(outcome):
    return json.loads(outcome.body)["nonce"]


@pytest.mark.parametrize("is_batch", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_each_call_gets_the_answer_to_its_own_input(is_batch, is_async):
    outcomes = ask([call({"nonce": n}) for n in range(100)], parameters={"is_batch": is_batch, "is_async": is_async})

    assert [nonce(outcome) for outcome in outcomes] == list(range(100))


@pytest.mark.parametrize("is_batch", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_only_the_row_that_raises_fails(is_batch, is_async):
    documents = [{"nonce": n} for n in range(10)]
    documents[4]["do"] = "raise"

    outcomes = ask(list(map(call, documents)), parameters={"is_batch": is_batch, "is_async": is_async})

    failed = outcomes.pop(4)
    assert isinstance(failed, ModelError)
    assert "secret" not in str(failed) + failed.reason
    assert "ValueError" in failed.reason
    assert [nonce(outcome) for outcome in outcomes] == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_without_retry_the_whole_batch_fails_with_the_row_that_raises():
    outcomes = ask([call(), *[call({"nonce": 1}), call({"do": "raise"})] * 2], retry=False)

    failed = [outcome for outcome in outcomes if isinstance(outcome, ModelError)]
    assert len(failed) > 2


@pytest.mark.parametrize("is_batch", [True, False])
def test_invalid_input_is_its_own_callers_422(is_batch):
    outcomes = ask([call({"nonce": 1}), call({"do": "invalid"}), call({"nonce": 2})], parameters={"is_batch": is_batch})

    assert isinstance(outcomes[1], SchemaViolation)
    assert outcomes[1].errors[0].pointer == "/do"
    assert nonce(outcomes[0]) == 1
    assert nonce(outcomes[2]) == 2


def test_output_that_breaks_the_contract_fails_that_call_only():
    outcomes = ask([call({"nonce": 1}), call({"do": "breach"})])

    assert nonce(outcomes[0]) == 1
    assert isinstance(outcomes[1], ContractViolation)
    assert outcomes[1].errors[0].pointer == "/x"


def test_too_few_outputs_are_never_matched_to_rows():
    outcomes = ask([call({"nonce": 1}), call({"do": "short"})])

    assert isinstance(outcomes[1], ContractViolation)


@pytest.mark.parametrize("is_batch", [True, False])
def test_an_array_is_answered_by_an_array_in_its_order(is_batch):
    outcomes = ask([call(rows=[{"nonce": 1}, {"nonce": 2}]), call({"nonce": 3})], parameters={"is_batch": is_batch})

    assert [row["nonce"] for row in json.loads(outcomes[0].body)] == [1, 2]
    assert nonce(outcomes[1]) == 3


@pytest.mark.parametrize("is_batch", [True, False])
def test_a_failed_row_fails_its_array_and_names_the_row(is_batch):
    outcomes = ask(
        [
            call(rows=[{"nonce": 1}, {"do": "raise"}]),
            call(rows=[{"nonce": 1}, {"do": "breach"}]),
            call(rows=[{"nonce": 1}, {"do": "invalid"}]),
            call(rows=[]),
        ],
        parameters={"is_batch": is_batch},
    )

    assert isinstance(outcomes[0], ModelError)
    assert outcomes[0].errors[0].pointer == "/1"
    assert outcomes[1].errors[0].pointer == "/1/x"
    assert outcomes[2].errors[0].pointer == "/1/do"
    assert outcomes[3].body == b"[]"


def test_a_model_never_sees_more_rows_at_once_than_its_batch_holds():
    outcomes = ask(
        [call(rows=[{"nonce": n} for n in range(50)]), call({"nonce": 50})],
        parameters={"most": 8},
        batch=BatchSettings(max_size=8),
        retry=False,
    )

    assert [row["nonce"] for row in json.loads(outcomes[0].body)] == list(range(50))
    assert nonce(outcomes[1]) == 50


@pytest.mark.parametrize("size_bytes", [10, 70_000, 3_000_000])
def test_binary_fields_of_any_size_arrive_whole(size_bytes):
    outcomes = ask([call({"nonce": n}, blobs=(("image", bytes(size_bytes)),)) for n in range(4)])

    assert [json.loads(outcome.body)["size"] for outcome in outcomes] == [size_bytes] * 4
    assert [nonce(outcome) for outcome in outcomes] == [0, 1, 2, 3]


@pytest.mark.parametrize("size_bytes", [10, 300_000, 3_000_000])
def test_answers_of_any_size_arrive_whole(size_bytes):
    outcomes = ask([call({"do": "bulk", "bytes": size_bytes}) for _ in range(3)])

    assert [len(outcome.body) for outcome in outcomes] == [size_bytes + 2] * 3


def test_a_late_call_ends_its_callers_wait_and_not_the_worker():
    async def scene():
        async with models(settings()) as house:
            pool = house.find("model")
            slow = await outcome_of(pool.start(call({"do": "sleep", "s": 0.3}), "ann", deadline(0.05)))
            after = await outcome_of(pool.start(call({"nonce": 1}), "ann", deadline()))
            return slow, after, pool.state()

    slow, after, state = run(scene())

    assert isinstance(slow, DeadlineExceeded)
    assert nonce(after) == 1
    assert (state.late, state.restarts) == (1, 0)


@pytest.mark.parametrize("is_stream", [True, False])
def test_an_asynchronous_call_is_cancelled_at_any_moment_and_its_place_is_free_again(is_stream):
    facts = {"is_async": True, "is_batch": False, "is_stream": is_stream}

    async def scene():
        async with models(settings(parameters=facts, concurrency=4)) as house:
            pool = house.find("model")
            for moment_s in (None, 0.0, 0.001, 0.01) * 4:
                pending = pool.start(call({"do": "wait", "s": 30, "events": 10**9}), "ann", deadline(60))
                if moment_s is not None:
                    await asyncio.sleep(moment_s)
                else:
                    pool._flush()
                pending.abandon()
            await until(lambda: pool.state().running_calls == 0)
            return pool.state().restarts

    assert run(scene()) == 0


def test_early_answers_of_a_one_row_model_do_not_wait_for_late_ones():
    order = []

    async def scene():
        async with models(settings(parameters={"is_batch": False})) as house:
            pool = house.find("model")
            await outcome_of(pool.start(call(), "ann", deadline()))
            pendings = [
                pool.start(call({"nonce": n, "do": "sleep", "s": s}), "ann", deadline())
                for n, s in enumerate((0, 0.002, 0.3))
            ]
            for number, pending in enumerate(pendings):
                pending.when_done(lambda number=number: order.append((number, pendings[2].is_done)))
            await outcome_of(pendings[2])

    run(scene())

    assert order[0] == (0, False)
    assert order[1] == (1, False)


def test_what_a_model_prints_goes_to_the_log_line_by_line():
    lines = []

    ask([call({"do": "print", "text": "hello\nworld"})], lines=lines)

    assert ("model", "hello") in lines
    assert ("model", "world") in lines


def test_an_http_application_answers_whole_requests_side_by_side():
    """Each waits for the seven others; one after the other they would wait for ever."""
    requests = [call({"method": "GET", "path": "/together"}, blobs=(("", str(n).encode()),)) for n in range(8)]

    outcomes = ask(requests, parameters={"is_http": True})

    assert [outcome.body for outcome in outcomes] == [f"short and stout {n}".encode() for n in range(8)]
    assert outcomes[0].status == 418
    assert outcomes[0].media == "text/plain"
    assert outcomes[0].headers == (("x-tea", "yes"),)
