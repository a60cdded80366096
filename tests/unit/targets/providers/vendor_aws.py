"""AWS's own models and serialisers, as botocore ships them: what a request must be and what a reply may hold."""

import json
from functools import cache
from typing import Any

from botocore import parsers, serialize, validate
from botocore.loaders import Loader
from botocore.model import ServiceModel

from headworks.targets.providers.wire import HttpRequest, HttpResponse


@cache
def service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def request_of(name: str, operation: str, params: dict[str, Any], protocol: str = "json") -> dict[str, Any]:
    """What the vendor's SDK would send: method, path, headers, body."""
    model = service(name).operation_model(operation)
    report = validate.ParamValidator().validate(params, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    return serialize.create_serializer(protocol).serialize_to_request(params, model)


def same_request(ours: HttpRequest, theirs: dict[str, Any]) -> bool:
    """Whether ours says the same: method, path, body as JSON, and every header theirs has."""
    headers = {name.lower(): value for name, value in theirs["headers"].items()}
    assert ours.method == theirs["method"]
    assert ours.path == theirs["url_path"]
    assert json.loads(ours.body) == json.loads(theirs["body"])
    assert dict(ours.headers).items() >= headers.items()
    return True


def reply(name: str, operation: str, document: dict[str, Any]) -> HttpResponse:
    """A reply that the vendor's model knows every field of."""
    body = json.dumps(document).encode()
    model = service(name).operation_model(operation)
    raw = {"status_code": 200, "headers": {"content-type": "application/json"}, "body": body}
    parsed = parsers.create_parser("json").parse(raw, model.output_shape)
    parsed.pop("ResponseMetadata")
    assert leaves(parsed) == leaves(document), "the model of the service knows other fields"
    return HttpResponse(200, {"content-type": "application/x-amz-json-1.1"}, body)


def leaves(value: Any) -> Any:
    """Values with numbers as floats and nothing optional that is empty."""
    if isinstance(value, dict):
        return {key: leaves(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [leaves(inner) for inner in value]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def refusal(code: str, status: int = 400, message: str = "said by the service") -> HttpResponse:
    body = {"__type": code, "message": message}
    return HttpResponse(status, {"content-type": "application/x-amz-json-1.1"}, json.dumps(body).encode())
