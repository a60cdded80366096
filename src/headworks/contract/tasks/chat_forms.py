"""The two forms of a chat's answer, each out of the other: a target gives one, the caller may want the other.

Source: OpenAI API, `chat.completion` and `chat.completion.chunk`.
"""

from collections.abc import Iterable

from msgspec.json import Decoder, Encoder

from headworks.contract.tasks import chat

_event = Decoder(chat.Event).decode
_reply = Decoder(chat.Reply).decode
_encode = Encoder().encode


class _Answer:
    """One answer while its parts come in."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refusals: list[str] = []
        self.calls: dict[int, _Call] = {}
        self.finish: chat.Finish | None = None

    def add(self, part: chat.ChoiceDelta) -> None:
        """Take in what came to it."""
        delta = part.delta
        if delta.content is not None:
            self.texts.append(delta.content)
        if delta.refusal is not None:
            self.refusals.append(delta.refusal)
        for call in delta.tool_calls or ():
            self.calls.setdefault(call.index, _Call()).add(call)
        self.finish = part.finish_reason or self.finish

    def choice(self, index: int) -> chat.Choice:
        """The whole answer.

        Raises: ValueError when it never ended.
        """
        if self.finish is None:
            raise ValueError(f"answer {index} has no finish_reason")
        calls = [self.calls[at].whole() for at in sorted(self.calls)] or None
        content = "".join(self.texts) if self.texts or not calls else None
        message = chat.Answered("assistant", content, calls, "".join(self.refusals) or None)
        return chat.Choice(index, message, self.finish)


class _Call:
    """One call of a tool while its parts come in."""

    def __init__(self) -> None:
        self.id = self.name = ""
        self.arguments: list[str] = []

    def add(self, part: chat.ToolCallDelta) -> None:
        """Take in what came to it."""
        self.id = part.id or self.id
        if part.function is not None:
            self.name = part.function.name or self.name
            self.arguments.append(part.function.arguments or "")

    def whole(self) -> chat.ToolCall:
        """The whole call."""
        return chat.ToolCall(self.id, "function", chat.Called(self.name, "".join(self.arguments)))


def assembled(events: Iterable[bytes]) -> bytes:
    """The whole answer that these chunks make.

    Raises: ValidationError, DecodeError, ValueError when they make none.
    """
    first: chat.Event | None = None
    spent: chat.Spent | None = None
    answers: dict[int, _Answer] = {}
    for event in map(_event, events):
        first = first or event
        spent = event.usage or spent
        for part in event.choices:
            answers.setdefault(part.index, _Answer()).add(part)
    if first is None:
        raise ValueError("no event came")
    choices = [answers[index].choice(index) for index in sorted(answers)]
    return _encode(chat.Reply(first.id, "chat.completion", first.created, first.model, choices, spent))


def events_of(reply: bytes) -> list[bytes]:
    """The chunks that tell this answer: its content, its end, and what it used.

    Raises: ValidationError, DecodeError.
    """
    whole = _reply(reply)
    said = [chat.ChoiceDelta(each.index, _delta(each.message), None, each.logprobs) for each in whole.choices]
    ended = [chat.ChoiceDelta(each.index, chat.Delta(), each.finish_reason) for each in whole.choices]
    told: list[tuple[list[chat.ChoiceDelta], chat.Spent | None]] = [(said, None), (ended, None)]
    if whole.usage is not None:
        told.append(([], whole.usage))
    return [
        _encode(chat.Event(whole.id, "chat.completion.chunk", whole.created, whole.model, choices, spent))
        for choices, spent in told
    ]


def _delta(message: chat.Answered) -> chat.Delta:
    calls = None
    if message.tool_calls:
        calls = [
            chat.ToolCallDelta(index, call.id, call.type, _called(call))
            for index, call in enumerate(message.tool_calls)
        ]
    return chat.Delta("assistant", message.content, calls, message.refusal)


def _called(call: chat.ToolCall) -> chat.CalledDelta | None:
    return None if call.function is None else chat.CalledDelta(call.function.name, call.function.arguments)
