"""A task that a chat model serves by a prompt: an operation around the operation of its chat."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.errors import ContentRefused, HeadworksError
from headworks.targets.providers.prompts.wording import Prompt, Written, chat_of, mark_of, unfit
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Operation, Reader

ALLOWANCE_TOKENS = 4_000
"""What a vendor adds around a schema, and marks around texts, in tokens at most."""

MARK_SEEN = 8
"""So many digits of a mark in an answer are no accident."""


class _Message(Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(Struct, frozen=True):
    message: _Message
    finish_reason: str


class _Reply(Struct, frozen=True):
    choices: list[_Choice]


_reply = msgspec.json.Decoder(_Reply)


class PromptedTask:
    """One task by one model's chat; implements wire.Operation.

    `added_tokens` is the most that the prompt adds to what the caller sent, so that a budget can hold it.
    """

    can_stream = False

    def __init__(self, chat: Operation, task: str, prompt: Prompt, sample: bytes) -> None:
        self.task = task
        self.model = chat.model
        self._chat = chat
        self._prompt = prompt
        self.added_tokens = len(self._asked(Ask(sample)).document) + ALLOWANCE_TOKENS

    def request(self, ask: Ask) -> HttpRequest:
        """The chat that asks it.

        Raises: ProviderRefused, naming the task's own field.
        """
        return self._chat.request(self._asked(ask))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The task's reply, read out of what the model wrote.

        Raises: what the chat raises; ContentRefused where the model declined; ContractViolation when the answer does not
        fit, of which its provider is not to blame: the text may have led the model astray.
        """
        answer = self._chat.reply(self._asked(ask), response)
        choices = decoded(_reply, answer.document).choices
        if len(choices) != 1:
            raise unfit(f"{len(choices)} answers")
        message, finish = choices[0].message, choices[0].finish_reason
        if finish == "content_filter" or message.refusal:
            raise ContentRefused(reason="the model declined to answer a prompt")
        text = message.content or ""
        if mark_of(self._prompt.instructed(ask).texts)[:MARK_SEEN] in text:
            raise unfit("the model repeats the marks around the text")
        document = self._prompt.document(ask, Written(text, finish, answer.model))
        return Answer(document, answer.usage, answer.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """As for the chat."""
        return self._chat.failure(response)

    def reader(self, ask: Ask) -> Reader:
        """None: an answer is checked before any of it is told."""
        raise TypeError(f"{self.task} by a prompt answers in one piece")

    def _asked(self, ask: Ask) -> Ask:
        return Ask(chat_of(self._prompt.instructed(ask)), output_cap=ask.output_cap)
