"""A model declared in Python: a `headworks.Model` subclass or a function, by `module:Name` or `file.py:Name`."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from headworks.contract.schema import JsonObject, resolved
from headworks.declare import MARK, Marked, Model
from headworks.errors import ConfigurationRefused, ContractViolation
from headworks.targets.models.codec import Codec, codec_for
from headworks.targets.models.discover import discover
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes.files import VERSION_DIGITS, parameters_of, version_of
from headworks.targets.models.signature import read_signature
from headworks.targets.models.typed import Described, TypedRunner


class NoParameters(msgspec.Struct, forbid_unknown_fields=True):
    """A kind without parameters of its own."""


def load(source: Source) -> TypedRunner:
    """The model, loaded.

    Raises: ConfigurationRefused for what cannot be found or declared so; what the model's own code raises.
    """
    parameters_of(source, NoParameters)
    found, module = find(source)
    if isinstance(found, type) and issubclass(found, Model):
        declaration = Marked(tuple(found.examples), found.description or _first_line(found), found.version)
        predict, owner = _predict_of(found), f"{found.__qualname__}.predict"
    elif inspect.isfunction(found):
        marked: Marked = getattr(found, MARK, Marked())
        declaration = Marked(marked.examples, marked.description or _first_line(found), marked.version)
        predict, owner = found, found.__qualname__
    else:
        raise ConfigurationRefused(
            f"{source.reference} is neither a subclass of headworks.Model nor a function; it is {type(found).__name__}."
        )
    signature = read_signature(predict, owner)
    codecs = (codec_for(signature.request), codec_for(signature.reply))
    if isinstance(found, type):
        _load_weights(predict)
    described = Described(
        examples=tuple(_documents(declaration.examples, codecs[0], found.__qualname__)),
        model_version=declaration.version or source_version(module),
        description=declaration.description,
    )
    return TypedRunner(predict, signature, codecs, described)


def find(source: Source) -> tuple[Any, ModuleType]:
    """The object a reference names, and its module, imported with the source's folder on the path.

    Raises: ConfigurationRefused when module or name does not exist.
    """
    place, _, name = source.reference.rpartition(":")
    if not place or not name:
        names = _names_in(source)
        raise ConfigurationRefused(f"{source.reference!r} names no object; write module:Name or file.py:Name{names}.")
    folder = str(Path(source.folder).resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = _from_file(Path(folder, place)) if place.endswith(".py") else _from_name(place, folder)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise ConfigurationRefused(f"{place} has no {name!r}.")
        found = getattr(found, part)
    return found, module


def _names_in(source: Source) -> str:
    path = Path(source.folder, source.reference)
    found = discover(str(path)) if path.suffix == ".py" and path.is_file() else ()
    return f", for example {source.reference}:{found[0]}" if found else ""


def _from_name(name: str, folder: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationRefused(f"There is no module {name!r}; modules are looked up from {folder}.") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigurationRefused(f"There is no file {path}.")
    name = _free_name(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationRefused(f"{path} cannot be imported as Python.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    with ExitStack() as undo:
        undo.callback(sys.modules.pop, name, None)
        spec.loader.exec_module(module)
        undo.pop_all()
    return module


def _free_name(path: Path) -> str:
    """The file's own name, unless another module has it: `json.py` must not take the place of the library."""
    known = sys.modules.get(path.stem)
    is_taken = path.stem in sys.stdlib_module_names if known is None else getattr(known, "__file__", "") != str(path)
    return f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}" if is_taken else path.stem


def _predict_of(found: type[Model]) -> Callable[..., Any]:
    """The bound `predict` of a new, not yet loaded instance."""
    if "predict" not in dir(found):
        raise ConfigurationRefused(f"{found.__qualname__} has no method predict; define predict(self, batch: list[X]).")
    if inspect.iscoroutinefunction(found.load):
        raise ConfigurationRefused(f"{found.__qualname__}.load is a coroutine function; make it an ordinary one.")
    required = [
        parameter.name
        for parameter in list(inspect.signature(found.__init__).parameters.values())[1:]
        if parameter.default is parameter.empty
        and parameter.kind not in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    ]
    if required:
        raise ConfigurationRefused(
            f"{found.__qualname__}.__init__ needs {', '.join(required)}; a model is made without arguments, read "
            "what it needs in load()."
        )
    return found().predict


def _load_weights(predict: Callable[..., Any]) -> None:
    owner: Model = predict.__self__  # type: ignore[attr-defined]  # a bound method of the instance
    owner.load()


def _documents(examples: Iterable[Any], request: Codec, owner: str) -> Iterable[Any]:
    """The examples as JSON documents, whether they were given as documents or as typed values.

    Raises: ConfigurationRefused for an example with no JSON form.
    """
    for number, example in enumerate(examples):
        try:
            yield _said(msgspec.json.decode(_text(example, request)), request.schema)
        except (ContractViolation, TypeError, msgspec.DecodeError) as error:
            raise ConfigurationRefused(f"{owner}.examples[{number}] has no JSON form: {error}") from error


def _said(document: Any, schema: JsonObject) -> Any:
    """The document without the fields that say no more than their defaults: people read it, and copy it."""
    fields = resolved(schema, schema).get("properties", {})
    if type(document) is not dict:
        return document
    return {name: value for name, value in document.items() if not _is_default(value, fields.get(name))}


def _is_default(value: Any, field: Any) -> bool:
    if not isinstance(field, dict) or "default" not in field:
        return False
    return type(value) is type(field["default"]) and bool(value == field["default"])


def _text(example: Any, request: Codec) -> bytes:
    try:
        return msgspec.json.encode(example)
    except TypeError:
        return request.encode(example)


def _first_line(found: Any) -> str:
    """The first line of the object's own docstring."""
    text = found.__dict__.get("__doc__") if isinstance(found, type) else found.__doc__
    return (text or "").strip().partition("\n")[0]


def source_version(module: ModuleType) -> str:
    """The name of a module's code: of its file, or of its name where it has none."""
    path = getattr(module, "__file__", None)
    if path and Path(path).is_file():
        return version_of(Path(path))
    return hashlib.sha256(module.__name__.encode()).hexdigest()[:VERSION_DIGITS]
