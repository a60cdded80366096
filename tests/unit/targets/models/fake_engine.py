"""An engine without processes, a loop and a clock that move when told: the pool's rules, step by step."""

import heapq
import itertools
import json

from headworks.pending import Pending
from headworks.targets.models.messages import Done, End, Event, Failure, LoadFailed, Ready
from headworks.targets.models.pool import ModelPool
from headworks.targets.models.runner import Announcement


class Later:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = lambda: None


class World:
    """Implements Clock and Scheduler."""

    def __init__(self):
        self.now_ns = 10**15
        self._order = itertools.count()
        self._soon = []
        self._later = []

    def monotonic_ns(self):
        return self.now_ns

    def wall_ns(self):
        return self.now_ns

    def call_soon(self, callback):
        self._soon.append(callback)

    def call_later(self, delay, callback):
        later = Later(callback)
        heapq.heappush(self._later, (self.now_ns + int(delay * 10**9), next(self._order), later))
        return later

    def settle(self):
        """Run what is due now."""
        while self._soon:
            self._soon.pop(0)()

    def advance(self, seconds):
        """Let time pass, in steps from one timer to the next."""
        end_ns = self.now_ns + int(seconds * 10**9)
        self.settle()
        while self._later and self._later[0][0] <= end_ns:
            due_ns, _, later = heapq.heappop(self._later)
            self.now_ns = max(self.now_ns, due_ns)
            later.callback()
            self.settle()
        self.now_ns = end_ns


class FakeWorker:
    """Implements Worker; keeps what it is sent until the test lets it answer."""

    numbers = itertools.count(100)

    def __init__(self, engine, listener):
        self.number = next(self.numbers)
        self.engine = engine
        self.listener = listener
        self.batches = []
        self.cancelled = []
        self.granted = []
        self.is_killed = False
        self.is_gone = False
        self.loaded = None
        self.resident = 0

    def load(self, message):
        self.loaded = message
        if "fail" in message.source.parameters:
            self.engine.world.call_soon(lambda: self.refuse(message.source.parameters["fail"]))
        elif self.engine.is_prompt:
            self.engine.world.call_soon(self.be_ready)

    def be_ready(self, **facts):
        self.listener.ready(Ready(self.engine.announcement(**facts), 10**6))

    def refuse(self, reason):
        self.listener.refused(LoadFailed(reason))
        self.end()

    def send(self, batch, parts):
        if self.is_gone:
            return
        self.batches.append((batch, list(parts)))
        if self.engine.answers_at_once:
            self.engine.world.call_soon(self.answer)

    def poll(self):
        pass

    def cancel(self, call_ids):
        self.cancelled += call_ids

    def grant(self, call_id, events):
        self.granted.append((call_id, events))

    def leave(self, grace_s):
        self.end("it left")

    def kill(self):
        self.is_killed = True
        self.engine.world.call_soon(self.end)

    def end(self, reason="it ended"):
        if not self.is_gone:
            self.is_gone = True
            self.listener.gone(reason)

    def resident_bytes(self):
        return self.resident

    def answer(self, run_ns=1000, fail=()):
        """Echo the oldest batch."""
        batch, parts = self.batches.pop(0)
        kept = [at for at in range(len(batch.ids)) if batch.ids[at] not in fail]
        failures = [Failure(call_id, "model_error") for call_id in fail]
        ids = [batch.ids[at] for at in kept]
        done = Done(ids, [len(parts[at]) for at in kept], len(batch.ids), run_ns, failures)
        self.listener.done(done, b"".join(parts[at] for at in kept))

    def event(self, call_id, body):
        self.listener.event(Event(call_id), body)

    def finish(self, call_id, failure=None):
        self.listener.end(End(call_id, failure))


class FakeEngine:
    """Implements Engine."""

    def __init__(self, world, *, is_prompt=True, answers_at_once=False, **facts):
        self.world = world
        self.answers_at_once = answers_at_once
        self.is_prompt = is_prompt
        self.facts = facts
        self.workers = []
        self.refusals = 0

    def announcement(self, **facts):
        plain = {"request": {}, "reply": {}, "is_batch": True, "is_stream": False, "is_async": False}
        return Announcement(**{**plain, "examples": (), "model_version": "1", **self.facts, **facts})

    def start(self, settings, listener):
        if self.refusals:
            self.refusals -= 1
            raise OSError("no process can be started")
        worker = FakeWorker(self, listener)
        self.workers.append(worker)
        return worker

    def when_idle(self):
        pending = Pending()
        if not self.living:
            pending.resolve(None)
        return pending

    @property
    def living(self):
        return [worker for worker in self.workers if not worker.is_gone]


class Scene:
    """A pool on a fake engine in a world of its own."""

    def __init__(self, settings, *, is_prompt=True, **facts):
        self.world = World()
        self.engine = FakeEngine(self.world, is_prompt=is_prompt, **facts)
        self.pool = ModelPool(settings, self.engine, self.world, self.world)
        self.opened = self.pool.open()
        self.world.settle()

    @property
    def worker(self):
        return self.engine.living[0]

    def start(self, call, caller="ann", seconds=10.0):
        return self.pool.start(call, caller, self.world.now_ns + int(seconds * 10**9))

    def learn(self, call, run_ns=1000, times=3):
        """Let the pool see how long a row takes."""
        for _ in range(times):
            self.start(call)
            self.world.settle()
            self.worker.answer(run_ns)


def documents(worker):
    """What each batch a worker holds asks, by batch."""
    return [[json.loads(part) for part in parts] for _, parts in worker.batches]
