"""Workers that crash, hang, leak or leave: only their own calls notice, and no answer reaches another caller."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from headworks.errors import (
    ClientGone,
    ConfigurationRefused,
    DeadlineExceeded,
    Draining,
    ModelCrashed,
    ModelError,
    ModelUnavailable,
    Overloaded,
)
from headworks.targets.models.settings import BatchSettings, QueueSettings
from headworks.values import Outcome
from tests.heavy import times
from tests.unit.targets.models.house import call, deadline, models, outcome_of, run, settings, settled, until

ECHOES = times(10_000, 100_000)


def nonce(outcome):
    return json.loads(outcome.body)["nonce"]


@pytest.mark.parametrize(("way", "meaning"), [("exit", "exit code 3"), ("crash", "killed by SIGSEGV")])
def test_a_crash_fails_the_running_batch_quickly_and_the_next_call_is_served(way, meaning):
    lines = []

    async def scene():
        async with models(settings(), lines=lines) as house:
            pool = house.find("model")
            await settled(pool.start(call(), "ann", deadline()))
            before = time.monotonic()
            crashed = await outcome_of(pool.start(call({"do": way}), "ann", deadline()))
            took_s = time.monotonic() - before
            after = await settled(pool.start(call({"nonce": 7}), "ann", deadline()))
            return crashed, took_s, after, pool.state().restarts

    crashed, took_s, after, restarts = run(scene())

    assert isinstance(crashed, ModelCrashed)
    assert took_s < 5  # and not at its deadline, 10 s away
    assert nonce(after) == 7
    assert restarts == 1
    assert any(line.endswith(meaning) for _, line in lines)


def test_a_model_that_asks_to_exit_only_fails_its_call():
    async def scene():
        async with models(settings()) as house:
            pool = house.find("model")
            return await outcome_of(pool.start(call({"do": "leave"}), "ann", deadline())), pool.state().restarts

    error, restarts = run(scene())

    assert isinstance(error, ModelError)
    assert restarts == 0


def test_a_batch_not_yet_begun_survives_the_crash_of_the_one_before():
    async def scene():
        async with models(settings(batch=BatchSettings(max_size=1))) as house:
            pool = house.find("model")
            for _ in range(5):
                await settled(pool.start(call(), "ann", deadline()))
            pendings = [pool.start(call({"do": "exit"}), "ann", deadline())]
            pendings += [pool.start(call({"nonce": n}), "ann", deadline()) for n in range(3)]
            return [await outcome_of(pending) for pending in pendings]

    crashed, *others = run(scene())

    assert isinstance(crashed, ModelCrashed)
    assert [nonce(other) for other in others] == [0, 1, 2]


def test_a_worker_killed_from_outside_while_idle_is_replaced():
    async def scene():
        async with models(settings()) as house:
            pool = house.find("model")
            (worker,) = pool.state().workers
            os.kill(worker, signal.SIGKILL)
            await until(lambda: pool.state().restarts == 1)
            after = await settled(pool.start(call({"nonce": 7}), "ann", deadline()))
            return worker, pool.state().workers, after

    killed, workers, after = run(scene())

    assert killed not in workers
    assert nonce(after) == 7


def test_signals_meant_for_the_front_do_not_reach_a_worker():
    async def scene():
        async with models(settings()) as house:
            pool = house.find("model")
            (worker,) = pool.state().workers
            os.kill(worker, signal.SIGTERM)
            os.kill(worker, signal.SIGINT)
            after = await settled(pool.start(call({"nonce": 7}), "ann", deadline()))
            return os.getpgid(worker) == worker, after, pool.state().restarts

    is_apart, after, restarts = run(scene())

    assert is_apart
    assert nonce(after) == 7
    assert restarts == 0


def test_a_worker_holds_nothing_of_the_front_but_its_channel():
    async def scene():
        with Path("/dev/null").open() as file:
            os.set_inheritable(file.fileno(), True)
            async with models(settings()) as house:
                (worker,) = house.find("model").state().workers
                opened = {number.name: os.readlink(number) for number in Path(f"/proc/{worker}/fd").iterdir()}
                limits = Path(f"/proc/{worker}/limits").read_text()
                return opened, limits

    opened, limits = run(scene())

    assert opened.pop("0") == "/dev/null"
    assert opened.pop("1").startswith("pipe:")
    assert opened.pop("2").startswith("pipe:")
    assert len(opened) == 1
    assert next(iter(opened.values())).startswith("socket:")
    assert next(line for line in limits.splitlines() if "core" in line).split()[4] == "0"


def test_a_hung_worker_is_killed_at_its_hard_timeout_and_replaced():
    async def scene():
        async with models(settings(hard_timeout_s=0.3)) as house:
            pool = house.find("model")
            hung = await outcome_of(pool.start(call({"do": "hang"}), "ann", deadline()))
            after = await settled(pool.start(call({"nonce": 7}), "ann", deadline()))
            return hung, after, pool.state().restarts

    hung, after, restarts = run(scene())

    assert isinstance(hung, DeadlineExceeded)
    assert nonce(after) == 7
    assert restarts == 1


def test_calls_behind_a_hung_worker_move_to_another():
    async def scene():
        async with models(settings(replicas=2, batch=BatchSettings(max_size=2), hard_timeout_s=30.0)) as house:
            pool = house.find("model")
            for _ in range(10):
                await settled(pool.start(call(), "ann", deadline()))
            hung = pool.start(call({"do": "hang"}), "ann", deadline())
            pendings = [pool.start(call({"nonce": n}), "ann", deadline(5)) for n in range(40)]
            answers = [nonce(await settled(pending)) for pending in pendings if pending is not pendings[0]]
            hung.abandon()
            return answers

    assert run(scene()) == list(range(1, 40))


def test_a_model_that_does_not_load_is_refused_with_its_reason():
    async def scene():
        async with models(
            settings("good"), settings("bad", parameters={"fail": "no weights at /x"}), start=False
        ) as house:
            with pytest.raises(ConfigurationRefused) as caught:
                await house.start()
            return caught.value

    refused = run(scene())

    (error,) = refused.errors
    assert error.pointer == "/models/bad"
    assert "no weights at /x" in error.message


def test_a_worker_that_dies_while_loading_fails_the_start():
    async def scene():
        async with models(settings(parameters={"die": True}), start=False) as house:
            with pytest.raises(ConfigurationRefused):
                await house.start()

    run(scene())


def test_a_model_that_is_not_ready_in_time_fails_the_start():
    async def scene():
        async with models(settings(parameters={"load_s": 30}, start_timeout_s=0.3), start=False) as house:
            with pytest.raises(ConfigurationRefused) as caught:
                await house.start()
            return caught.value.errors[0].message

    assert "not ready after 0.3 s" in run(scene())


def test_a_model_that_cannot_come_back_is_unavailable_and_recovers(tmp_path):
    flag = tmp_path / "flag"

    async def scene():
        async with models(settings(parameters={"flag": str(flag)})) as house:
            pool = house.find("model")
            flag.touch()
            crashed = await outcome_of(pool.start(call({"do": "exit"}), "ann", deadline()))
            await until(lambda: pool.state().restarts >= 3)
            with pytest.raises(ModelUnavailable):
                house.find("model")
            status = pool.state().status
            flag.unlink()
            await until(lambda: pool.state().ready == 1)
            after = await settled(house.find("model").start(call({"nonce": 7}), "ann", deadline()))
            return crashed, status, after

    crashed, status, after = run(scene())

    assert isinstance(crashed, ModelCrashed)
    assert status == "failed"
    assert nonce(after) == 7


async def keep_calling(house, stop, outcomes, callers=8):
    """Callers that each send one call after the other until told to stop."""

    async def one(caller):
        while not stop.is_set():
            pending = house.find("model").start(call({"nonce": caller}), str(caller), deadline())
            outcomes.append((caller, await outcome_of(pending)))

    await asyncio.gather(*(one(number) for number in range(callers)))


def assert_all_answered(outcomes):
    assert outcomes
    for caller, outcome in outcomes:
        assert isinstance(outcome, Outcome), outcome
        assert nonce(outcome) == caller


@pytest.mark.parametrize("replicas", [1, 2])
def test_workers_recycled_for_their_requests_drop_no_call(replicas):
    async def scene():
        outcomes, stop = [], asyncio.Event()
        async with models(settings(max_requests=200, replicas=replicas)) as house:
            before = set(house.find("model").state().workers)
            calling = asyncio.create_task(keep_calling(house, stop, outcomes))
            await until(lambda: not before & set(house.find("model").state().workers))
            stop.set()
            await calling
        return outcomes

    assert_all_answered(run(scene()))


def test_a_worker_recycled_for_its_memory_drops_no_call():
    async def scene():
        outcomes, stop = [], asyncio.Event()
        async with models(settings(max_rss_bytes=150 * 2**20)) as house:
            before = house.find("model").state().workers
            calling = asyncio.create_task(keep_calling(house, stop, outcomes))
            await settled(house.find("model").start(call({"do": "grow", "bytes": 200 * 2**20}), "ann", deadline()))
            await until(lambda: not set(before) & set(house.find("model").state().workers))
            stop.set()
            await calling
        return outcomes

    assert_all_answered(run(scene()))


def test_a_swap_under_load_fails_no_call_and_changes_the_version():
    async def scene():
        outcomes, stop, versions = [], asyncio.Event(), []
        async with models(settings(parameters={"version": "1"})) as house:
            source = settings(parameters={"version": "2"}).source
            calling = asyncio.create_task(keep_calling(house, stop, outcomes))
            await until(lambda: len(outcomes) > 50)
            announced = await settled(house.swap("model", source))
            swapped_at = len(outcomes)
            await until(lambda: len(outcomes) > swapped_at + 50)
            stop.set()
            await calling
            versions += [outcome.model_version for _, outcome in outcomes]
        return outcomes, versions, announced

    outcomes, versions, announced = run(scene())

    assert_all_answered(outcomes)
    assert announced.model_version == "2"
    assert versions[0] == "1"
    assert versions[-1] == "2"


def test_a_new_version_that_fails_never_receives_a_call():
    def refuse(name, announcement):
        if announcement.model_version == "3":
            raise ConfigurationRefused("breaks v1")

    async def scene():
        outcomes, stop, errors = [], asyncio.Event(), []
        async with models(settings(parameters={"version": "1"}), accept=refuse) as house:
            calling = asyncio.create_task(keep_calling(house, stop, outcomes))
            for facts in ({"fail": "no weights", "version": "2"}, {"version": "3"}, {"die": True}):
                errors.append(await outcome_of(house.swap("model", settings(parameters=facts).source)))
            stop.set()
            await calling
            return outcomes, errors, house.states()[0].model_version

    outcomes, errors, version = run(scene())

    assert_all_answered(outcomes)
    assert {outcome.model_version for _, outcome in outcomes} == {"1"}
    assert [type(error) for error in errors] == [ModelUnavailable, ConfigurationRefused, ModelUnavailable]
    assert "no weights" in errors[0].reason
    assert version == "1"


def test_whoever_still_holds_the_old_pool_is_served_by_the_new_one():
    async def scene():
        async with models(settings(parameters={"version": "1"})) as house:
            old = house.find("model")
            await settled(house.swap("model", settings(parameters={"version": "2"}).source))
            return await settled(old.start(call(), "ann", deadline()))

    assert run(scene()).model_version == "2"


def test_a_reload_starts_every_model_anew():
    async def scene():
        async with models(settings("a"), settings("b")) as house:
            before = {worker for state in house.states() for worker in state.workers}
            wrong = await settled(house.reload())
            await until(lambda: not before & {worker for state in house.states() for worker in state.workers})
            return wrong, [state.status for state in house.states()]

    wrong, statuses = run(scene())

    assert wrong == {}
    assert statuses == ["ready", "ready"]


def test_closing_finishes_what_was_accepted_and_refuses_what_comes_later():
    async def scene():
        async with models(settings()) as house:
            pool = house.find("model")
            running = [pool.start(call({"nonce": n, "do": "sleep", "s": 0.05}), "ann", deadline()) for n in range(3)]
            closing = asyncio.create_task(house.close(5.0))
            await asyncio.sleep(0)
            refused = await outcome_of(pool.start(call(), "ann", deadline()))
            done = [nonce(await settled(pending)) for pending in running]
            await closing
            return refused, done, pool.state().workers

    refused, done, workers = run(scene())

    assert isinstance(refused, Draining)
    assert done == [0, 1, 2]
    assert workers == ()


def test_closing_while_a_model_still_loads_ends_the_start():
    async def scene():
        async with models(settings(parameters={"load_s": 30}), start=False) as house:
            starting = asyncio.create_task(house.start())
            await asyncio.sleep(0.05)
            await house.close(0.1)
            with pytest.raises(ConfigurationRefused):
                await starting

    run(scene())


def test_closing_does_not_wait_beyond_its_grace_for_a_hung_model():
    async def scene():
        async with models(settings()) as house:
            pool = house.find("model")
            running = pool.start(call({"do": "hang"}), "ann", deadline())
            await until(lambda: pool.state().running_calls == 1)
            queued = pool.start(call(), "ann", deadline())
            await house.close(0.1)
            return await outcome_of(running), await outcome_of(queued)

    running, queued = run(scene())

    assert isinstance(running, ModelCrashed)
    assert isinstance(queued, Draining | ModelCrashed)


def test_workers_die_with_the_front_even_while_they_are_busy():
    program = (
        "import asyncio, sys\n"
        "from tests.unit.targets.models.house import call, deadline, models, settings\n"
        "async def scene():\n"
        "    async with models(settings()) as house:\n"
        "        pool = house.find('model')\n"
        "        pool.start(call({'do': 'hang'}), 'ann', deadline())\n"
        "        await asyncio.sleep(0.05)\n"
        "        print(pool.state().workers[0], flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(scene())\n"
    )
    front = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with front:
        worker = int(front.stdout.readline())
        front.kill()
    limit = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < limit:
        time.sleep(0.01)

    assert not Path(f"/proc/{worker}").exists()


async def one_echo(house, chance, number, seen):
    """One call with a nonce, perhaps abandoned, perhaps with hardly any time."""
    seconds = chance.choice((10.0, 10.0, 10.0, 0.02, 0.002))
    document = {"nonce": number, "do": chance.choices(("echo", "sleep", "raise"), (90, 5, 5))[0], "s": 0.002}
    rows = [document] if chance.random() < 0.1 else None
    pending = house.find("model").start(call(document, rows=rows), f"caller-{number % 7}", deadline(seconds))
    if chance.random() < 0.1:
        await asyncio.sleep(chance.random() * 0.01)
        pending.abandon()
        with suppress(Exception):
            await asyncio.wait_for(outcome_of(pending), 10)
        return
    outcome = await outcome_of(pending)
    kind = "answer" if isinstance(outcome, Outcome) else type(outcome).__name__
    seen[kind] = seen.get(kind, 0) + 1
    if isinstance(outcome, Outcome):
        echoed = json.loads(outcome.body)
        if (echoed[0] if rows else echoed)["nonce"] != number:
            seen["foreign"] = seen.get("foreign", 0) + 1


@pytest.mark.heavy
def test_no_answer_reaches_another_caller_whatever_is_cancelled_late_or_killed():
    chance = random.Random(7)
    seen = {}

    async def scene():
        async with models(settings(replicas=2, max_requests=3000, queue=QueueSettings(max_calls=4096))) as house:
            numbers = iter(range(ECHOES))

            async def caller():
                for number in numbers:
                    with suppress(ModelUnavailable):
                        await one_echo(house, chance, number, seen)

            async def killer():
                while True:
                    await asyncio.sleep(0.2)
                    await until(lambda: house.find("model").state().ready == 2)  # with none left, calls are refused
                    workers = house.find("model").state().workers
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(workers), signal.SIGKILL)

            killing = asyncio.create_task(killer())
            await asyncio.gather(*(caller() for _ in range(64)))
            killing.cancel()
            return house.states()[0]

    state = run(scene(), within_s=600)

    assert "foreign" not in seen
    assert set(seen) <= {
        kind.__name__ for kind in (ModelError, ModelCrashed, DeadlineExceeded, ClientGone, Overloaded)
    } | {"answer"}
    assert seen["answer"] > ECHOES / 4  # three of five calls have time enough, some of these leave, fail or are killed
    assert state.queued_calls == 0
