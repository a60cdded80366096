"""JSON Schema (2020-12) as a published contract: compiled once, checked on every call, errors that name the field.

Messages say what would be right and never repeat the value that came: it may be a secret, or long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jsonschema_rs
from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from headworks.errors import ConfigurationRefused, FieldError, SchemaViolation

MOST_ROWS = 10_000
MOST_ERRORS = 20
LONGEST_MESSAGE = 200
LONGEST_POINTER = 500
BACKTRACK_STEPS = 100_000

JSON, CSV, EVENTS = "application/json", "text/csv", "text/event-stream"

JsonObject = Mapping[str, Any]
Violation = jsonschema_rs.ValidationError


class Schema:
    """One JSON Schema, compiled.

    `json` is the document it was made from; treat it as frozen. `is_valid` tells yes or no, without reasons. `declared`
    is the type that the document was made from, where there is one: what reads as it satisfies the schema.

    Cost: 0.5 µs for thirty numbers in an object.
    Safe under: many threads.
    """

    __slots__ = ("_iterate", "_read", "declared", "is_valid", "json")

    def __init__(self, json: JsonObject, declared: Any = None) -> None:
        validator = _compiled(dict(json))
        self.json: JsonObject = json
        self.declared = declared
        self.is_valid: Callable[[object], bool] = validator.is_valid
        self._iterate: Callable[[object], Iterator[Violation]] = validator.iter_errors
        self._read: Callable[[bytes], object] | None = None if declared is None else Decoder(declared).decode

    def surely_holds(self, text: bytes) -> bool:
        """Whether JSON text satisfies the schema, as far as its declared type tells at once; False decides nothing.

        Cost: 1 µs for a chat's answer, a third of decoding and validating it.
        """
        if self._read is None:
            return False
        try:
            self._read(text)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        return True

    def check(self, document: object, at: str = "") -> None:
        """Refuse a document that breaks the schema; `at` is the pointer of the document itself.

        Raises: SchemaViolation, with at most 20 fields.
        """
        if not self.is_valid(document):
            raise SchemaViolation(errors=self.errors(document, at))

    def errors(self, document: object, at: str = "") -> tuple[FieldError, ...]:
        """What is wrong with a document, field by field; empty when nothing is."""
        found: dict[FieldError, None] = {}
        for violation in self._iterate(document):
            for error in _explained(violation, self.json, at):
                found[error] = None
            if len(found) >= MOST_ERRORS:
                break
        return tuple(found)[:MOST_ERRORS]

    def __repr__(self) -> str:
        return f"Schema({self.json.get('title', self.json.get('type', '...'))!r})"


class Contract(Struct, frozen=True):
    """What one version of an endpoint takes and gives.

    `is_batch`: an array of inputs is answered by an array of outputs. `binary` names the top-level fields that hold
    bytes, base64 in JSON; "" is the whole input; `pictures` are those that hold images. `form` is the request for
    a call whose binary fields came beside the JSON. `event` is one event of a streamed answer where a whole answer is
    not the array of its events. `columns` are the reply's fields where it reads as a row of a
    table; the one column of a bare number or text is `value`. `media` are the types it can be answered in.
    """

    request: Schema
    reply: Schema
    is_batch: bool
    is_stream: bool
    examples: tuple[Any, ...]
    binary: tuple[str, ...]
    pictures: tuple[str, ...]
    form: Schema
    columns: tuple[str, ...]
    media: tuple[str, ...]
    event: Schema | None = None


def contract_from(
    request_json: JsonObject,
    reply_json: JsonObject,
    is_batch: bool,
    is_stream: bool,
    examples: Iterable[Any],
    event_json: JsonObject | None = None,
) -> Contract:
    """The contract of these two schemas of one row.

    Raises: ConfigurationRefused when one is not a JSON Schema, or an example breaks the request's.
    """
    request, reply = Schema(request_json), Schema(reply_json)
    binary, columns = binary_fields(request_json), _columns(reply_json)
    contract = Contract(
        request=request,
        reply=reply,
        is_batch=is_batch,
        is_stream=is_stream,
        examples=tuple(examples),
        binary=binary,
        pictures=tuple(name for name in binary if _encoding(request_json, name) == "image"),
        form=_form(request_json, binary) if binary else request,
        columns=columns,
        media=(JSON, *((CSV,) if columns else ()), *((EVENTS,) if is_stream else ())),
        event=None if event_json is None else Schema(event_json),
    )
    for number, example in enumerate(contract.examples):
        wrong = request.errors(example, f"/examples/{number}")
        if wrong:
            raise ConfigurationRefused("An example does not match the request schema.", errors=wrong)
    return contract


def resolved(schema: Any, root: JsonObject) -> JsonObject:
    """The schema a local `$ref` stands for, or the schema itself; {} for what is no object or cannot be found."""
    for _ in range(16):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str) or (len(schema) > 1 and _has_rules(schema)):
            return schema
        schema = at_pointer(root, reference.removeprefix("#")) if reference.startswith("#") else None
    return {}


def at_pointer(document: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer; None when there is none."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def pointer_of(parts: Iterable[str | int], at: str = "") -> str:
    """The RFC 6901 pointer of a path below `at`."""
    steps = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return (at + steps)[:LONGEST_POINTER]


def binary_fields(request_json: JsonObject) -> tuple[str, ...]:
    """The top-level fields that hold base64 bytes; ("",) when the whole input does."""
    if _encoding(request_json, ""):
        return ("",)
    fields = resolved(request_json, request_json).get("properties", {})
    return tuple(name for name in fields if _encoding(request_json, name))


def _encoding(root: JsonObject, name: str) -> str:
    """`image` or `bytes` for a top-level field ("" is the whole) that holds base64, else nothing."""
    whole = resolved(root, root)
    schema = resolved(whole.get("properties", {}).get(name), root) if name else whole
    forms = [schema, *(resolved(form, root) for form in schema.get("anyOf") or schema.get("oneOf") or ())]
    for form in forms:
        if form.get("contentEncoding") == "base64":
            return "image" if str(form.get("contentMediaType", "")).startswith("image/") else "bytes"
    return ""


def _columns(reply_json: JsonObject) -> tuple[str, ...]:
    whole = resolved(reply_json, reply_json)
    if whole.get("type") == "object":
        return tuple(whole.get("properties", {}))
    return ("value",) if whole.get("type") in {"string", "number", "integer", "boolean"} else ()


def _has_rules(schema: JsonObject) -> bool:
    notes = {"$ref", "title", "description", "default", "examples", "deprecated", "$comment", "$defs"}
    return not notes.issuperset(schema)


def _form(request_json: JsonObject, binary: tuple[str, ...]) -> Schema:
    """The request's schema where each binary field may hold anything: its bytes are elsewhere."""
    if binary == ("",):
        return Schema({})
    root = dict(resolved(request_json, request_json))
    root["properties"] = {name: True if name in binary else field for name, field in root["properties"].items()}
    if "$defs" in request_json:
        root["$defs"] = request_json["$defs"]
    return Schema(root)


def _compiled(json: dict[str, Any]) -> jsonschema_rs.Validator:
    """The validator; patterns run in linear time where they can, else under a bound on steps."""
    linear, bounded = jsonschema_rs.RegexOptions(), jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_STEPS)
    try:
        return _validator(json, linear)
    except (ValueError, jsonschema_rs.ReferencingError):
        pass
    try:
        return _validator(json, bounded)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        text = str(error)[:LONGEST_MESSAGE]
        raise ConfigurationRefused(f"Not a JSON Schema (2020-12): {text}") from error


def _validator(json: dict[str, Any], patterns: jsonschema_rs.PatternOptionsType) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        json, validate_formats=True, mask="value", pattern_options=patterns, offline=True
    )


def _explained(violation: Violation, root: JsonObject, at: str) -> Iterator[FieldError]:
    """The errors for the caller behind one violation: missing and unknown fields get a pointer of their own."""
    keyword, path = violation.kind.name, violation.instance_path
    if keyword == "required":
        yield FieldError(pointer_of([*path, violation.kind.value], at), "is required")
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        known = _known_fields(violation, root)
        for name in violation.kind.value:
            yield FieldError(pointer_of([*path, name], at), _unknown(name, known))
    elif keyword in ("anyOf", "oneOf") and (branch := _nearest_branch(violation)):
        for inner in branch:
            yield from _explained(inner, root, at)
    else:
        yield FieldError(pointer_of(path, at), _message(keyword, violation))


def _known_fields(violation: Violation, root: JsonObject) -> list[str]:
    owner = at_pointer(root, pointer_of(violation.schema_path[:-1]))
    properties = owner.get("properties") if isinstance(owner, Mapping) else None
    return list(properties) if isinstance(properties, Mapping) else []


def _unknown(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # only mistakes need it

    near = get_close_matches(name[:100], known, n=1)
    return f"is not a known field; did you mean {near[0]!r}?" if near else "is not a known field"


def _nearest_branch(violation: Violation) -> list[Violation] | None:
    """The one branch of a union that was meant: by the value's type, else by its tag; None when that is open."""
    depth = len(violation.instance_path)
    fitting = [
        branch for branch in getattr(violation.kind, "context", ()) if branch and not _fails(branch, depth, "type")
    ]
    if len(fitting) > 1:
        fitting = [branch for branch in fitting if not _fails(branch, depth + 1, "const")]
    return fitting[0] if len(fitting) == 1 else None


def _fails(branch: list[Violation], depth: int, keyword: str) -> bool:
    return any(len(inner.instance_path) == depth and (inner.kind.name == keyword or _is_tag(inner)) for inner in branch)


def _is_tag(violation: Violation) -> bool:
    kind = violation.kind
    return kind.name == "const" or (kind.name == "enum" and len(kind.value) == 1)


def _message(keyword: str, violation: Violation) -> str:
    template = MESSAGES.get(keyword)
    if template is None:
        return f"does not satisfy {keyword!r}"
    value = violation.kind.value
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    return template.format(value)[:LONGEST_MESSAGE]


MESSAGES = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "pattern": "must match the pattern {}",
    "format": "must be a valid {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "uniqueItems": "must not repeat an item",
    "contains": "must hold at least one matching item",
    "minProperties": "must have at least {} fields",
    "maxProperties": "must have at most {} fields",
    "propertyNames": "has a field name that is not allowed",
    "anyOf": "matches none of the allowed forms",
    "oneOf": "must match exactly one of the allowed forms",
    "not": "has a form that is not allowed",
    "falseSchema": "is not allowed",
    "unevaluatedItems": "has items that are not allowed",
    "additionalItems": "has items that are not allowed",
}
"""What the caller reads for each keyword; `{}` is the schema's own value, never the caller's."""
