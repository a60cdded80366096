"""What one configuration says otherwise than another, by name; values of budgets only, for no secret stands there."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from headworks.secret import Secret
from headworks.settings import Config

TOLD_IN_FULL = "budgets"
MOST_TOLD = 200


def changed_parts(before: Config, now: Config) -> list[str]:
    """Each field that is not as it was, such as `endpoints.mood.v1.timeout`, in the order of the configuration; of many the first."""
    found = list(_changed(before, now, ()))
    return found if len(found) <= MOST_TOLD else [*found[:MOST_TOLD], f"and {len(found) - MOST_TOLD} more"]


def _changed(before: Any, now: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(before, Struct) and type(before) is type(now):
        pairs = [(name, getattr(before, name), getattr(now, name)) for name in before.__struct_fields__]
    elif isinstance(before, Mapping) and isinstance(now, Mapping):
        pairs = [(str(name), before.get(name), now.get(name)) for name in dict.fromkeys((*before, *now))]
    else:
        if not _is_same(before, now):
            yield _told(before, now, path)
        return
    for name, was, said in pairs:
        yield from _changed(was, said, (*path, name))


def _told(before: Any, now: Any, path: tuple[str, ...]) -> str:
    place = ".".join(path)
    if path[0] == TOLD_IN_FULL and len(path) > 2:
        return f"{place}: {before} -> {now}"
    if path[0] == TOLD_IN_FULL and before is None and isinstance(now, Struct):
        fields = (f"{name} {getattr(now, name)}" for name in now.__struct_fields__ if getattr(now, name) is not None)
        return f"{place} added: {', '.join(fields)}"
    if before is None or now is None:
        return f"{place} {'added' if before is None else 'removed'}"
    return place


def _is_same(before: Any, now: Any) -> bool:
    """Whether two values are alike; secrets by their text, which is told nowhere."""
    if isinstance(before, Secret) and isinstance(now, Secret):
        return before.reveal() == now.reveal()
    if isinstance(before, list | tuple) and isinstance(now, list | tuple):
        return len(before) == len(now) and all(_is_same(*pair) for pair in zip(before, now, strict=True))
    if isinstance(before, Struct) and isinstance(now, Struct):
        return next(_changed(before, now, ("",)), None) is None
    return bool(before == now)
