"""What is known of a provider's health: which failures say something about its origin, its model or our key.

A failure counts where it belongs: a host that cannot be reached stops every model behind it, a model that fails stops
only itself, and a key that is refused or told to wait makes room for the next key.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from enum import Enum

from msgspec import Struct, structs

from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    ContractViolation,
    HeadworksError,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
    ProviderUnreachable,
)
from headworks.targets.providers.breaker import Breaker, BreakerSettings, State
from headworks.targets.providers.key_news import KeyName, KeyNews, Tell, untold
from headworks.targets.providers.retry import UNSAID_WAIT_S


class Says(Enum):
    """What the end of an attempt says of one breaker."""

    WELL = "well"
    FAILED = "failed"
    WAIT = "wait"
    NOTHING = "nothing"


class Evidence(Struct, frozen=True):
    """What an attempt's end says of the origin, of the model there, and of the key it was signed with."""

    origin: Says
    model: Says
    key: Says


ANSWERED = Evidence(Says.WELL, Says.WELL, Says.WELL)
SILENT = Evidence(Says.NOTHING, Says.NOTHING, Says.NOTHING)

EVIDENCE: dict[type[BaseException], Evidence] = {
    ProviderError: Evidence(Says.NOTHING, Says.FAILED, Says.NOTHING),
    ProviderUnreachable: Evidence(Says.FAILED, Says.NOTHING, Says.NOTHING),
    ProviderDown: Evidence(Says.NOTHING, Says.FAILED, Says.NOTHING),
    ProviderTimeout: Evidence(Says.NOTHING, Says.FAILED, Says.NOTHING),
    ProviderBroken: Evidence(Says.WELL, Says.FAILED, Says.WELL),
    ProviderBusy: Evidence(Says.WELL, Says.NOTHING, Says.WAIT),
    ProviderKeyRejected: Evidence(Says.WELL, Says.NOTHING, Says.FAILED),
    ProviderRefused: ANSWERED,
    ProviderUnable: ANSWERED,
    ContextTooLong: ANSWERED,
    ContentRefused: ANSWERED,
    ContractViolation: ANSWERED,
}
"""By class of error; what has no row says nothing: a deadline of the caller's own, a full pool, a budget."""

KEY_NAME_PARTS = 4
"""Of a key's breaker: origin, provider, model, number."""

KEY_SETTINGS = BreakerSettings(failed_in_a_row=1, open_s=60.0, longest_open_s=900.0, proofs=1)
"""A refused key is out at once, for a minute and then longer; one call proves it well again."""


class Pass(Struct, frozen=True, gc=False):
    """Leave for one attempt, with the number of the key that signs it; reported once, to `Standing.ended`."""

    key: int
    origin_pass: int
    model_pass: int
    key_pass: int


class Standing:
    """The breakers that one target passes: of its origin, of its model there, and one for each key.

    Safe under: one thread.
    """

    __slots__ = ("_keys", "_model", "_names", "_news", "_origin", "keys_rejected")

    def __init__(self, origin: Breaker, model: Breaker, keys: Mapping[KeyName, Breaker], news: KeyNews) -> None:
        self._origin = origin
        self._model = model
        self._keys = tuple(keys.values())
        self._names = tuple(keys)
        self._news = news
        self.keys_rejected = 0
        """How often a key was refused: someone must look at it."""

    def admit(self, now_ns: int, spent: frozenset[int]) -> Pass | None:
        """Leave for one attempt with the first usable key that is not among the spent ones."""
        for number, key in enumerate(self._keys):
            if number in spent or (key_pass := key.admit(now_ns)) is None:
                continue
            origin_pass = self._origin.admit(now_ns)
            model_pass = None if origin_pass is None else self._model.admit(now_ns)
            if origin_pass is not None and model_pass is not None:
                return Pass(number, origin_pass, model_pass, key_pass)
            key.untold(key_pass)
            if origin_pass is not None:
                self._origin.untold(origin_pass)
            return None
        return None

    def ended(self, leave: Pass, error: BaseException | None, took_ns: int, now_ns: int) -> None:
        """Report how an attempt ended."""
        if error is None:
            self._origin.well(leave.origin_pass, took_ns, now_ns)
            self._model.well(leave.model_pass, took_ns, now_ns)
            self._keys[leave.key].well(leave.key_pass, took_ns, now_ns)
            if self._news:
                self._news.taken(self._names[leave.key])
            return
        evidence = EVIDENCE.get(type(error), SILENT)
        wait_s = getattr(error, "retry_after_s", None)
        self._note_key(leave, evidence.key)
        told = (
            (self._origin, leave.origin_pass, evidence.origin),
            (self._model, leave.model_pass, evidence.model),
            (self._keys[leave.key], leave.key_pass, evidence.key),
        )
        for breaker, given, says in told:
            if says is Says.WELL:
                breaker.well(given, took_ns, now_ns)
            elif says is Says.FAILED:
                breaker.failed(given, now_ns)
            elif says is Says.WAIT:
                breaker.told_to_wait(given, UNSAID_WAIT_S if wait_s is None else wait_s, now_ns)
            else:
                breaker.untold(given)

    def broke(self, leave: Pass, error: HeadworksError, now_ns: int) -> None:
        """A stream that was reported well has failed after its first content."""
        if self._model.state is State.CLOSED and EVIDENCE.get(type(error), SILENT).model is Says.FAILED:
            self._model.failed(leave.model_pass, now_ns)

    def unsigned(self, leave: Pass, now_ns: int) -> None:
        """The key of an attempt could not be made ready, so nothing was sent."""
        self._note_key(leave, Says.FAILED)
        self._origin.untold(leave.origin_pass)
        self._model.untold(leave.model_pass)
        self._keys[leave.key].failed(leave.key_pass, now_ns)

    def _note_key(self, leave: Pass, says: Says) -> None:
        if says is Says.FAILED:
            self.keys_rejected += 1
            self._news.refused(self._names[leave.key])
        elif says is Says.WELL and self._news:
            self._news.taken(self._names[leave.key])

    def has_other_key(self, now_ns: int, spent: frozenset[int]) -> bool:
        """Whether a key that is not spent may be used now."""
        return any(n not in spent and key.wait_ns(now_ns) == 0 for n, key in enumerate(self._keys))

    def wait_ns(self, now_ns: int) -> int:
        """How long until an attempt may be let through; 0 when it may now."""
        own_ns = max(self._origin.wait_ns(now_ns), self._model.wait_ns(now_ns))
        return max(own_ns, min(key.wait_ns(now_ns) for key in self._keys))

    def states(self) -> tuple[State, State, tuple[State, ...]]:
        """How the origin, the model and each key stand."""
        return self._origin.state, self._model.state, tuple(key.state for key in self._keys)


class Health:
    """Every breaker there is, by what it is about, its origin first: targets of one origin share the origin's.

    Shapes: bounded by the configuration; `keep_only` drops what a new one no longer names.
    """

    __slots__ = ("_breakers", "_key_settings", "_news", "_settings")

    def __init__(
        self, settings: BreakerSettings, key_settings: BreakerSettings = KEY_SETTINGS, tell: Tell = untold
    ) -> None:
        self._settings = settings
        self._news = KeyNews(tell)
        self._key_settings = key_settings
        self._breakers: dict[tuple[Hashable, ...], Breaker] = {}

    def standing(self, provider: str, origin: Hashable, model: str, keys: int) -> Standing:
        """The breakers of one target; `keys` is how many credentials may sign for it, at least one (none is one)."""
        at_model = (origin, provider, model)
        most = max(1, keys)
        numbered = {
            KeyName(*at_model, number + 1, most): self._of((*at_model, number), self._key_settings)
            for number in range(most)
        }
        anywhere = structs.replace(self._settings, slow_s=None)
        return Standing(self._of((origin,), anywhere), self._of(at_model, self._settings), numbered, self._news)

    def keep_only(self, origins: Iterable[Hashable]) -> None:
        """Forget the breakers of every other origin."""
        kept = set(origins)
        self._breakers = {name: breaker for name, breaker in self._breakers.items() if name[0] in kept}
        self._news.keep_only(kept)

    def renew_keys(self) -> None:
        """Use every key again that was refused or told to wait: it may be another one by now."""
        for name, breaker in self._breakers.items():
            if len(name) == KEY_NAME_PARTS:
                breaker.renew()

    def _of(self, name: tuple[Hashable, ...], settings: BreakerSettings) -> Breaker:
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers[name] = Breaker(settings)
        return breaker
