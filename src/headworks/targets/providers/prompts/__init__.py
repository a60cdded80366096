"""Tasks that any chat model serves by a prompt: a module each, with `BUILD`, `SAMPLE`, what it `READS` of a wording, and its `MAPPING`.

A prompt's module is imported when an endpoint needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.wire import Operation

if TYPE_CHECKING:
    from headworks.targets.providers.prompts.prompted import PromptedTask
    from headworks.targets.providers.prompts.wording import Wording

PROMPTS: Mapping[str, str] = {
    task: f"{__name__}.{task.replace('-', '_')}"
    for task in (
        "generate",
        "moderation",
        "summarization",
        "text-classification",
        "token-classification",
        "translation",
    )
}
"""The module of each task that has a prompt."""


def prompt_of(task: str) -> ModuleType:
    """A task's prompt.

    Raises: KeyError where there is none.
    """
    return import_module(PROMPTS[task])


def prompted(chat: Operation, task: str, wording: Wording | None) -> PromptedTask:
    """The task by this model's chat.

    Raises: ConfigurationRefused for wording that the task's prompt has no use for.
    """
    from headworks.targets.providers.prompts.prompted import PromptedTask
    from headworks.targets.providers.prompts.wording import Wording

    module, silent = prompt_of(task), Wording()
    said = wording or silent
    wrong = [
        FieldError(
            f"/prompt/{name}", f"{name} says nothing to {task}; its prompt reads {', '.join(sorted(module.READS))}"
        )
        for name in Wording.__struct_fields__
        if getattr(said, name) != getattr(silent, name) and name not in module.READS
    ]
    if wrong:
        raise ConfigurationRefused("; ".join(error.message for error in wrong), errors=tuple(wrong))
    return PromptedTask(chat, task, module.BUILD(said), module.SAMPLE)
