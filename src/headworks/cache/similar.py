"""The answer to a similar question of the same owner. Every doubt ends in asking the targets."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, structs

from headworks.cache.nearest import Near, Nearest, NearestSettings, Unit, unit
from headworks.cache.question import question
from headworks.errors import ClientGone, HeadworksError
from headworks.policies import SemanticPolicy
from headworks.ports import Embed
from headworks.units import SECOND_NS, Clock
from headworks.values import Call

FAILED_IN_A_ROW = 3
REST_S = 10.0
"""After so many failures in a row no vector is asked for so long: each would make a call wait."""

Digest = Callable[[list[bytes]], bytes]


class Asked(Struct, frozen=True):
    """A question with its direction, and the place of all that it may be compared with."""

    place: bytes
    direction: Unit
    policy: SemanticPolicy


class Similar:
    """Finds what is near to a call's question, and keeps where each answered question lies.

    Shapes: `hits` counts answers given, `failed` questions of which no vector could be had.
    Safe under: one thread.
    """

    def __init__(self, key: bytes, clock: Clock, settings: NearestSettings | None = None) -> None:
        self.nearest = Nearest(key, settings)
        self._clock = clock
        self._resting: dict[str, tuple[int, int]] = {}
        self.hits = self.failed = 0

    async def asked(self, call: Call, digest: Digest, embed: Embed) -> Asked | None:
        """The call's question as it can be compared; None where it has none, or no vector of it could be had.

        Shapes: `digest` names who asks, about whom, and which version; what is beside the question is told to it.
        """
        policy = call.endpoint.cache.semantic if call.endpoint.cache else None
        if policy is None or self._is_resting(call.endpoint.id):
            return None
        said = question(call.endpoint.task, call.payload, policy)
        if said is None:
            return None
        try:
            embedded = await embed(said.text)
        except ClientGone:
            raise
        except HeadworksError:
            self._note(call.endpoint.id, is_failed=True)
            return None
        direction = unit(embedded.numbers)
        self._note(call.endpoint.id, is_failed=direction is None)
        if direction is None:
            return None
        words, marks = [word.encode() for word in said.words], [mark.encode() for mark in said.marks]
        direction = structs.replace(
            direction, words=digest([b"words", *sorted(words)]), order=digest([b"order", *words])
        )
        size = len(embedded.numbers).to_bytes(4, "big")
        place = digest([b"near", said.rest, embedded.space.encode(), size, *marks])
        return Asked(place, direction, policy)

    def find(self, asked: Asked) -> list[Near]:
        """The kept questions that are near enough, the nearest first."""
        return self.nearest.find(asked.place, asked.direction, asked.policy.threshold, self._clock.monotonic_ns())

    def keep(self, asked: Asked, key: bytes, subject: str | None, for_s: float) -> None:
        """Remember where a question lies whose answer is kept under this key."""
        until_ns = self._clock.monotonic_ns() + int(for_s * SECOND_NS)
        self.nearest.keep(asked.place, key, asked.direction, (subject, until_ns), asked.policy.entries)

    def clear(self) -> None:
        """Drop everything; what rested may be asked again, for it may be another by now."""
        self.nearest.clear()
        self._resting.clear()

    def _is_resting(self, endpoint: str) -> bool:
        failures, until_ns = self._resting.get(endpoint, (0, 0))
        return failures >= FAILED_IN_A_ROW and self._clock.monotonic_ns() < until_ns

    def _note(self, endpoint: str, *, is_failed: bool) -> None:
        if not is_failed:
            self._resting.pop(endpoint, None)
            return
        self.failed += 1
        failures, _ = self._resting.get(endpoint, (0, 0))
        self._resting[endpoint] = failures + 1, self._clock.monotonic_ns() + int(REST_S * SECOND_NS)
