"""One declared operation as pure functions, every expression compiled when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headworks.contract import tasks
from headworks.costs import Usage
from headworks.errors import ConfigurationRefused, FieldError, HeadworksError, ProviderBroken, ProviderRefused
from headworks.targets.providers.asked import PICTURE_TASKS, pictured
from headworks.targets.providers.failing import Told, failed, texts
from headworks.targets.providers.http_json.declared import MEANINGS, Declared
from headworks.targets.providers.http_json.expressions import Context, Expression
from headworks.targets.providers.http_json.template import in_path, pieces_of
from headworks.targets.providers.understand import UNKNOWN, believed, whole
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Reader

NOT_DECLARABLE = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
CAPS = {"chat": "max_tokens", "completion": "max_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}
"""By task: where a mapping finds the most that may be answered."""
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class DeclaredOperation:
    """What a mapping asks and how it reads the answer; the task's own check holds the reply to its schema.

    Cost: the answer is decoded, searched and encoded again.
    """

    can_stream = False

    def __init__(self, name: str, declared: Declared, where: str) -> None:
        if declared.task not in tasks.names():
            known = ", ".join(tasks.names())
            raise ConfigurationRefused(errors=(FieldError(f"{where}/task", f"is no task; known tasks: {known}"),))
        if declared.body == "picture" and declared.task not in PICTURE_TASKS:
            raise ConfigurationRefused(errors=(FieldError(f"{where}/body", f"{declared.task} has no picture"),))
        self.task = declared.task
        self.model = declared.model or name
        self._declared = declared
        self._path = tuple(pieces_of(declared.path, f"{where}/path"))
        self._request = Expression(declared.request, f"{where}/request") if declared.request else None
        self._reply = Expression(declared.reply, f"{where}/reply")
        self._error = Expression(declared.error, f"{where}/error") if declared.error else None
        self._usage = {
            field: Expression(text, f"{where}/usage/{field}")
            for field, text in msgspec.structs.asdict(declared.usage).items()
            if text is not None
        }
        self._fields = _fields(declared, where)
        self._meanings = {code: MEANINGS[meaning] for code, meaning in declared.errors.items()}

    def request(self, ask: Ask) -> HttpRequest:
        """The row as the mapping says.

        Raises: ProviderRefused when a part of the path is not in the row, or the row does not fit the mapping.
        """
        context, media = self._context(ask)
        try:
            path = "".join(piece if isinstance(piece, str) else in_path(piece, context) for piece in self._path)
            made = context.row if self._request is None else self._request.of(context.row, context)
        except ProviderBroken as error:
            raise ProviderRefused(reason=error.reason) from None
        if self._declared.body == "picture":
            return HttpRequest(self._declared.method, path, (("content-type", media), *self._fields), context.picture)
        if self._declared.body == "none" or self._declared.method == "GET":
            return HttpRequest(self._declared.method, path, self._fields)
        fields = (("content-type", "application/json"), *self._fields)
        return HttpRequest(self._declared.method, path, fields, _encode(made))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """What the mapping makes of the answer.

        Raises: ProviderBroken when that is nothing; what an error inside a 200 means.
        """
        try:
            document = _decode(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ProviderBroken(reason=f"reply: {str(error)[:200]}") from None
        context, _ = self._context(ask)
        if code := self._code(document, context):
            raise failed(Told((code,)), self._meanings, 500)
        made = self._reply.of(document, context)
        if made is None:
            raise ProviderBroken(reason="the mapping makes nothing of the answer")
        used = {field: expression.of(document, context) for field, expression in self._usage.items()}
        return Answer(_encode(made), _counted(used), self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the code that `error` gives, then by status, each as `errors` says; else by what statuses usually mean."""
        try:
            code = self._code(_decode(response.body), Context(None))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ProviderBroken):
            code = ""
        codes = texts((code, response.status))
        return failed(Told(codes), self._meanings, response.status, response.headers)

    def reader(self, ask: Ask) -> Reader:
        """None: nothing of it is streamed."""
        raise TypeError(f"{self.model} answers in one piece")

    def _code(self, document: Any, context: Context) -> str:
        """The code of an error in a document; "" where there is none."""
        told = self._error.of(document, context) if self._error is not None else None
        return str(told) if told else ""

    def _context(self, ask: Ask) -> tuple[Context, str]:
        row = _decode(ask.document) if ask.document else {}
        if ask.output_cap is not None:
            _cap(self.task, row, ask.output_cap)
        if self.task not in PICTURE_TASKS:
            return Context(row), ""
        picture = pictured(ask)
        width, height = picture.head.upright
        return Context(row, picture.data, width, height), picture.head.media


def _cap(task: str, row: dict[str, Any], most: int) -> None:
    """Let a mapping find the most that may be answered: the least of what the caller, the version and the model allow."""
    if task == "generate":
        row["parameters"] = {**(row.get("parameters") or {}), "max_new_tokens": most}
    elif task in CAPS:
        row[CAPS[task]] = most
        if "max_completion_tokens" in row:
            row["max_completion_tokens"] = most


def _fields(declared: Declared, where: str) -> tuple[tuple[str, str], ...]:
    wrong = sorted(NOT_DECLARABLE & declared.headers.keys())
    if wrong:
        raise ConfigurationRefused(errors=(FieldError(f"{where}/headers/{wrong[0]}", "is not the mapping's to say"),))
    return (("accept", "application/json"), *declared.headers.items())


def _counted(used: Mapping[str, Any]) -> Usage | None:
    """What the mapping finds, all of it or nothing: of figures that cannot be true, no other is believed either."""
    found = {field: value for field, value in used.items() if value is not None}
    if any(type(value) not in {int, float} for value in found.values()):
        return UNKNOWN
    try:
        counted = {field: value if field == "seconds" else whole(value) for field, value in found.items()}
    except (ValueError, OverflowError):
        return UNKNOWN
    return (believed(Usage(**counted)) or UNKNOWN) if counted else None
