"""Google's own typed messages, as its client packages ship them: what a request must be and a reply may hold."""

import json
from typing import Any

from google.protobuf import json_format

from headworks.targets.providers.wire import HttpRequest, HttpResponse


def same_request(ours: HttpRequest, path: str, message: Any) -> bool:
    """Whether ours posts this message, as the vendor writes it in JSON, to this path."""
    parsed = type(message).pb(type(message)())
    json_format.Parse(ours.body, parsed)
    assert ours.method == "POST"
    assert ours.path == path
    assert dict(ours.headers)["content-type"] == "application/json"
    assert parsed == type(message).pb(message)
    return True


def reply(message: Any) -> HttpResponse:
    """A message as the vendor's servers write it: zeros left out, enumerations by name."""
    body = json_format.MessageToJson(type(message).pb(message))
    return HttpResponse(200, {"content-type": "application/json; charset=UTF-8"}, body.encode())


def refusal(code: int, status: str, *reasons: str, message: str = "said by the service") -> HttpResponse:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason} for reason in reasons]
    body = {"error": {"code": code, "message": message, "status": status, "details": details}}
    return HttpResponse(code, {}, json.dumps(body).encode())
