"""What the paths have in common that take one JSON object and answer whole: moderations, pictures, speech.

Each names its task, turns what is asked into the task's request and the task's reply into what is told.
"""

from collections.abc import Callable, Mapping
from typing import Any

from headworks.contract.schema import JSON
from headworks.dialects.naming import endpoint_named
from headworks.dialects.openai.body import Form, encode, flag, object_of, refused, serves
from headworks.dialects.openai.embeddings import NoEvents
from headworks.dialects.openai.fields import rate_fields
from headworks.dialects.own_names import check, named
from headworks.errors import NotFound
from headworks.ports import Endpoints, EventWriter, Read
from headworks.units import RequestId
from headworks.values import Call, Endpoint, Matched, Payload, Quota, RawRequest

Asked = Callable[[Mapping[str, Any]], dict[str, Any]]
NO_NAMES: Mapping[str, str] = {}
Told = Callable[[Form, bytes], tuple[bytes, str]]


class Whole:
    """Implements ports.Dialect for one such path; `names` are its own by the pointers into the task's request."""

    def __init__(self, task: str, path: str, asked: Asked, told: Told, names: Mapping[str, str] = NO_NAMES) -> None:
        self._task = task
        self._path = path
        self._asked = asked
        self._told = told
        self._names = names

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect; without a `model`, which some of these paths allow, the only one of the task."""
        model = object_of(raw).get("model")
        if model is None:
            return _only_one(self._task, endpoints)
        if not isinstance(model, str):
            raise refused("/model", "must name an endpoint")
        return endpoint_named(model, endpoints)

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, self._path, self._task)
        document = object_of(raw)
        if flag(document, "stream"):
            raise refused("/stream", "must be false or absent: this answer comes whole")
        asked = self._asked(document)
        check(endpoint.contract.request, asked, lambda pointer: named(pointer, self._names))
        return Read(Payload(encode(asked)), JSON, Form(document.get("model") or endpoint.name, raw.request_id))

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect.

        Raises: ContractViolation (502).
        """
        return self._told(call.form, body)  # type: ignore[arg-type]  # what `read` put there

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        return NoEvents()

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)


def _only_one(task: str, endpoints: Endpoints) -> Endpoint:
    names = {each.name for each in endpoints.versions() if each.task == task}
    if len(names) != 1:
        raise NotFound(f"Name an endpoint of task {task} as `model`: there is not exactly one.")
    return endpoint_named(names.pop(), endpoints)
