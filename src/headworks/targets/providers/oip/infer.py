"""Inference by the Open Inference Protocol: one model, one version or the server's own choice.

Source: Open Inference Protocol, inference_rest.md; Triton's extension "Binary Tensor Data".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec import DecodeError
from msgspec.json import Decoder

from headworks.contract.tensors.signature import Signature
from headworks.costs import Usage
from headworks.errors import HeadworksError
from headworks.targets.providers.failing import Told, failed
from headworks.targets.providers.oip.incoming import outputs_of, reply_of
from headworks.targets.providers.oip.outgoing import JSON_LENGTH, body_of, tensors_of
from headworks.targets.providers.oip.settings import Options
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

_RAW_FIELDS = (("content-type", "application/octet-stream"), ("accept", "*/*"))
_error = Decoder(dict[str, Any]).decode


class Infer(Whole, frozen=True, kw_only=True):
    """One model of a server, asked with the tensors of a task's request; implements wire.Operation."""

    version: str
    signature: Signature
    options: Options

    def request(self, ask: Ask) -> HttpRequest:
        """See wire.Operation."""
        body, json_bytes = body_of(tensors_of(ask, self.signature.inputs, self.options), self.options)
        version = f"/versions/{quote(self.version, safe='')}" if self.version else ""
        path = f"/v2/models/{quote(self.model, safe='')}{version}/infer"
        fields = (*_RAW_FIELDS, (JSON_LENGTH, str(json_bytes))) if json_bytes else JSON_FIELDS
        return HttpRequest("POST", path, fields, body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """See wire.Operation."""
        return Answer(reply_of(outputs_of(response), self.signature, self.options, self.task), Usage(), self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """See wire.Operation; the protocol has one text and no codes, so the status decides."""
        try:
            text = str(_error(response.body).get("error", ""))
        except (DecodeError, UnicodeDecodeError):
            text = ""
        return failed(Told(text=text), {}, response.status, response.headers)
