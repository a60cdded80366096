"""The standard tasks: one module each, with `NAME`, `Request`, `Reply` and, where a stream differs, `Event`."""

from functools import cache
from types import ModuleType
from typing import Any

from headworks.contract.declared import declared_schema
from headworks.contract.tasks import (
    chat,
    embeddings,
    image_classification,
    object_detection,
    ocr,
    recommendation,
    tabular_classification,
    tabular_regression,
    text_classification,
    token_classification,
    translation,
)

_TASKS: dict[str, ModuleType] = {
    task.NAME: task
    for task in (
        chat,
        embeddings,
        image_classification,
        object_detection,
        ocr,
        recommendation,
        tabular_classification,
        tabular_regression,
        text_classification,
        token_classification,
        translation,
    )
}


def names() -> tuple[str, ...]:
    """The names of all tasks, such as `text-classification`."""
    return tuple(_TASKS)


@cache
def schemas(task: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The request's and the reply's JSON Schema of one row; treat them as frozen.

    Raises: KeyError for a name that is no task.
    """
    module = _TASKS[task]
    return _published(module.Request), _published(module.Reply)


def shapes(task: str | None) -> ModuleType | None:
    """The module of a task whose streamed answer differs from the whole one; it turns each into the other.

    Such a module has `assembled(events) -> reply` and `events_of(reply) -> events`, both of JSON texts.
    """
    module = _TASKS.get(task) if task is not None else None
    return module if module is not None and hasattr(module, "assembled") else None


def examples(task: str) -> tuple[Any, ...]:
    """Requests of a task that read well, where it has any."""
    found: tuple[Any, ...] = getattr(_TASKS[task], "EXAMPLES", ())
    return found


@cache
def event_schema(task: str) -> dict[str, Any]:
    """The JSON Schema of one event of a streamed answer; the reply's own where a stream does not differ.

    Raises: KeyError for a name that is no task.
    """
    module = _TASKS[task]
    return _published(getattr(module, "Event", module.Reply))


def _published(declared: Any) -> dict[str, Any]:
    return declared_schema(declared, keeps_open=True)
