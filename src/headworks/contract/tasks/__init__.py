"""The standard tasks: one module each, with `NAME`, `Request`, `Reply` and, where a stream differs, `Event`."""

from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any, Protocol

from headworks.contract.declared import declared_schema
from headworks.contract.schema import Schema
from headworks.contract.tasks import (
    batches,
    chat,
    chat_events,
    completion,
    embeddings,
    files,
    fine_tuning,
    generate,
    image_classification,
    image_editing,
    image_generation,
    message_token_count,
    messages,
    moderation,
    object_detection,
    ocr,
    recommendation,
    rerank,
    responses,
    speech_to_text,
    stored_responses,
    summarization,
    tabular_classification,
    tabular_regression,
    text_classification,
    text_to_speech,
    token_classification,
    token_count,
    translation,
)


class Shapes(Protocol):
    """The two forms of a task's answer, each out of the other, as JSON texts.

    Raises: ValidationError, DecodeError, ValueError for what makes none.
    """

    def assembled(self, events: Iterable[bytes]) -> bytes:
        """The whole answer of a stream's events."""

    def events_of(self, reply: bytes) -> list[bytes]:
        """The events that tell a whole answer."""


_SHAPES: dict[str, Shapes] = {
    chat.NAME: chat_events,
    completion.NAME: completion,
    messages.NAME: messages,
    responses.NAME: responses,
}
_COUNTING = {chat.NAME: token_count.NAME, messages.NAME: message_token_count.NAME}
_TASKS: dict[str, ModuleType] = {
    task.NAME: task
    for task in (
        batches,
        chat,
        completion,
        embeddings,
        files,
        fine_tuning,
        generate,
        image_classification,
        image_editing,
        image_generation,
        message_token_count,
        messages,
        moderation,
        object_detection,
        ocr,
        recommendation,
        rerank,
        responses,
        speech_to_text,
        stored_responses,
        summarization,
        tabular_classification,
        tabular_regression,
        text_classification,
        text_to_speech,
        token_classification,
        token_count,
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


@cache
def reply(task: str) -> Schema:
    """What every answer of a task satisfies.

    Raises: KeyError for a name that is no task.
    """
    return Schema(schemas(task)[1], _TASKS[task].Reply)


@cache
def least_request(task: str) -> dict[str, Any]:
    """The request's schema closed to what the task names, which is what a model must take; beyond it, it may pass over.

    Raises: KeyError for a name that is no task.
    """
    return declared_schema(_TASKS[task].Request)


def counting(task: str | None) -> str | None:
    """The task that counts the tokens of this one's conversations; None where there is none."""
    return _COUNTING.get(task) if task is not None else None


def shapes(task: str | None) -> Shapes | None:
    """How a task's streamed answer and its whole one are made out of each other; None where one is the array of the other."""
    return _SHAPES.get(task) if task is not None else None


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
