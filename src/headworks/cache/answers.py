"""The answer to a call that was asked before, from memory; implements ports.Answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

from msgspec import structs

from headworks.cache.flights import Flights, Timers, Work
from headworks.cache.similar import Asked, Digest, Similar
from headworks.cache.store import Kept, Store, StoreSettings
from headworks.costs import Given
from headworks.pending import Pending, driven
from headworks.policies import Freshness
from headworks.ports import Embed
from headworks.units import Clock
from headworks.values import Call, Outcome

SECRET_BYTES = KEY_BYTES = 32
MISS, SHARED, SEMANTIC = (("Headworks-Cache", word) for word in ("miss", "shared", "semantic"))
HIT, STALE = "hit", "stale"
ANY = Freshness()


class CachedAnswers:
    """Gives the same answer again to the same caller (or tenant) for the same input of the same version.

    Where the endpoint says so, also the answer to a similar question, which is never kept as the answer to this one: what
    is similar to something similar may be far away. Nothing of it outlives the process. A call that streams is neither kept nor shared, but may be given a kept answer.

    Safe under: one thread.
    """

    def __init__(self, secret: bytes, clock: Clock, timers: Timers, settings: StoreSettings | None = None) -> None:
        self._secret = hashlib.blake2b(b"names", key=secret, digest_size=KEY_BYTES).digest()
        self.store = Store(hashlib.blake2b(b"content", key=secret, digest_size=KEY_BYTES).digest(), settings)
        self.similar = Similar(hashlib.blake2b(b"vectors", key=secret, digest_size=KEY_BYTES).digest(), clock)
        self.flights = Flights(clock, timers)
        self._clock = clock
        self.hits = self.misses = 0
        self._cleared = 0

    def answered(self, call: Call, owner: str, work: Work, embed: Embed) -> Pending[Outcome]:
        """A kept answer, also to a similar question where the endpoint says so, that of the same call under way, or what `work` gives.

        Raises: what the work raises, and DeadlineExceeded, through the pending result.
        """
        policy, wishes = call.endpoint.cache, call.freshness or ANY
        if policy is None:
            return work()
        key = self._key(call, owner)
        if wishes.may_read and (kept := self._find(key, min(policy.fresh_s, wishes.max_age_s), HIT)) is not None:
            self.hits += 1
            pending: Pending[Outcome] = Pending()
            pending.resolve(kept)
            return pending
        self.misses += 1
        search = Search()
        if policy.semantic is not None and wishes.may_read:
            work = partial(self._near_or, search, partial(self._digest, call, owner), call, embed, work)
        keep = partial(self._keep, key, call, self._cleared, search)
        if call.is_stream or not (wishes.may_read and wishes.may_keep):
            return _then(work(), lambda outcome: keep(outcome) if wishes.may_keep else outcome)
        joined, is_leader = self.flights.join(key, call.deadline_ns, work)
        return _then(joined, lambda outcome: keep(outcome) if is_leader else _shared(outcome))

    def instead(self, call: Call, owner: str) -> Outcome | None:
        """A kept answer that is older than it should be, for when nothing else answers; None where there is none."""
        policy = call.endpoint.cache
        if policy is None or not (call.freshness or ANY).may_read:
            return None
        found = self._find(self._key(call, owner), policy.fresh_s + policy.stale_s, STALE)
        return None if found is None else structs.replace(found, degraded="cached")

    def forget_subject(self, subject: str) -> None:
        """Drop every answer about a person, and keep none that is under way."""
        self._cleared += 1
        self.store.forget_subject(subject)
        self.similar.nearest.forget_subject(subject)

    def clear(self) -> None:
        """Drop everything, and keep none that is under way: what answers has changed."""
        self._cleared += 1
        self.store.clear()
        self.similar.clear()

    def _near_or(self, search: Search, digest: Digest, call: Call, embed: Embed, work: Work) -> Pending[Outcome]:
        """The kept answer to a similar question, or what `work` gives."""

        async def looked() -> Outcome:
            asked = search.asked = await self.similar.asked(call, digest, embed)
            found = None if asked is None else self._nearest(call, asked)
            return found or await work()

        return driven(looked())

    def _nearest(self, call: Call, asked: Asked) -> Outcome | None:
        policy = call.endpoint.cache
        if policy is None:
            return None
        max_age_s = min(policy.fresh_s, (call.freshness or ANY).max_age_s)
        for near in self.similar.find(asked):
            found = self.store.find(near.key, self._clock.monotonic_ns(), max_age_s)
            if found is None:
                if not self.store.holds(near.key):
                    self.similar.nearest.drop(near.key)  # else it would stand in the way of what is still there
                continue
            self.similar.hits += 1
            similarity = round(near.similarity, 4)
            headers = (SEMANTIC, ("Headworks-Cache-Similarity", f"{similarity:.4f}"))
            return _again(found, headers, Given(SEMANTIC[1], similarity))
        return None

    def _key(self, call: Call, owner: str) -> bytes:
        """What makes two calls the same: who, about whom, which version and targets, and every byte of the input."""
        payload = call.payload
        parts = [b"array" if payload.is_array else b"row", payload.document]
        for name, blob in payload.blobs:
            parts += (name.encode(), blob)
        return self._digest(call, owner, parts)

    def _digest(self, call: Call, owner: str, more: list[bytes]) -> bytes:
        endpoint = call.endpoint
        parts = [
            owner.encode(),
            (call.subject or "").encode(),
            endpoint.id.encode(),
            repr(endpoint.targets).encode(),
            *more,
        ]
        digest = hashlib.blake2b(key=self._secret, digest_size=KEY_BYTES)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()

    def _find(self, key: bytes, max_age_s: float, how: str) -> Outcome | None:
        found = self.store.find(key, self._clock.monotonic_ns(), max_age_s)
        return None if found is None else _again(found, (("Headworks-Cache", how),), Given(how))

    def _keep(self, key: bytes, call: Call, cleared: int, search: Search, outcome: Outcome) -> Outcome:
        policy = call.endpoint.cache
        if (
            policy is None
            or outcome.given is not None
            or outcome.stream is not None
            or outcome.status != 200
            or outcome.degraded
        ):
            return outcome
        if cleared != self._cleared:
            return _marked(outcome, MISS)
        kept = Kept(outcome.body, outcome.media, outcome.target, outcome.model_version, outcome.is_collected)
        self.store.keep(key, kept, call.subject, self._clock.monotonic_ns(), policy.fresh_s + policy.stale_s)
        if search.asked is not None:
            self.similar.keep(search.asked, key, call.subject, policy.fresh_s)
        return _marked(outcome, MISS)


class Search:
    """What was found of a call's question while it was looked for, to keep its answer by."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked: Asked | None = None


def _again(found: tuple[Kept, float], how: tuple[tuple[str, str], ...], given: Given) -> Outcome:
    """A kept answer of some age, given to another call."""
    kept, age_s = found
    return Outcome(
        kept.body,
        kept.target,
        kept.model_version,
        headers=(*how, ("Age", str(int(age_s)))),
        media=kept.media,
        attempts=0,
        is_collected=kept.is_collected,
        cost_micros=0,
        given=given,
    )


def _marked(outcome: Outcome, how: tuple[str, str]) -> Outcome:
    return structs.replace(outcome, headers=(*outcome.headers, how))


def _shared(outcome: Outcome) -> Outcome:
    """Another call's answer: this one used nothing and cost nothing."""
    if outcome.given is not None:
        return outcome
    given = Given(SHARED[1])
    headers = (*outcome.headers, SHARED)
    return structs.replace(outcome, headers=headers, attempts=0, usage=None, cost_micros=0, given=given)


def _then(first: Pending[Outcome], change: Callable[[Outcome], Outcome]) -> Pending[Outcome]:
    """The outcome, changed; abandoning it abandons the first."""
    changed: Pending[Outcome] = Pending()
    changed.on_abandon = first.abandon

    def came() -> None:
        if first.error is not None:
            changed.fail(first.error)
        else:
            changed.resolve(change(first.result()))

    first.when_done(came)
    return changed
