"""What the tests of pools share: a loop like production's, calls, and a pool of stand-in workers."""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvloop

from headworks.pending import Pending
from headworks.targets.models.process import ProcessEngine
from headworks.targets.models.registry import Models
from headworks.targets.models.runner import Source
from headworks.targets.models.settings import ModelSettings
from headworks.units import SECOND_NS, SystemClock
from headworks.values import Call, Payload

COMMAND = (sys.executable, "-P", str(Path(__file__).parent / "stand_in.py"))


def run(coroutine, within_s=60):
    """Run a test's coroutine on the loop of production, and fail on whatever its callbacks raised."""
    raised = []

    async def watched():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: raised.append(context))
        return await asyncio.wait_for(coroutine, within_s)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(watched())
    assert not raised, raised
    return result


async def settled(pending: Pending, timeout_s=20):
    """The result of a Pending, for a coroutine."""
    future = asyncio.get_running_loop().create_future()
    pending.when_done(lambda: future.done() or future.set_result(None))
    await asyncio.wait_for(future, timeout_s)
    return pending.result()


async def outcome_of(pending: Pending):
    """The result or the error, as a value."""
    try:
        return await settled(pending)
    except Exception as error:
        return error


def call(document=None, *, rows=None, blobs=(), media="application/json"):
    """A call with one row, or with an array of rows."""
    if rows is None:
        payload = Payload(json.dumps(document or {}).encode(), blobs)
    else:
        payload = Payload(json.dumps(rows).encode(), blobs, len(rows), is_array=True)
    return Call(None, payload, media, 0)


def deadline(seconds=10.0):
    """So many seconds from now."""
    return SystemClock.monotonic_ns() + int(seconds * SECOND_NS)


def settings(name="model", *, parameters=None, **fields):
    """Settings of one stand-in model."""
    source = Source("stand-in", "stand_in", "/", parameters or {})
    return msgspec.structs.replace(ModelSettings(name, source), **fields)


@asynccontextmanager
async def models(*all_settings, lines=None, start=True, accept=None):
    """Started models of stand-in workers, ended afterwards."""
    loop = asyncio.get_running_loop()
    log = (lambda name, line: lines.append((name, line))) if lines is not None else (lambda name, line: None)
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    engine = ProcessEngine(loop, environment, log, COMMAND)
    extra = {} if accept is None else {"accept": accept}
    house = Models(all_settings, engine, loop, SystemClock(), **extra)
    try:
        if start:
            await house.start()
        yield house
    finally:
        await house.close(1.0)


async def until(condition, timeout_s=20.0):
    """Wait for what other processes bring about."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
