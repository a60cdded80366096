"""From YAML text to a Config, with the file and line of everything that is wrong, all at once."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from headworks.errors import ConfigurationRefused, FieldError
from headworks.settings import types
from headworks.settings.check import problems
from headworks.settings.implied import implied, written_out
from headworks.settings.managers import PREFIX, read_secret
from headworks.settings.money import BudgetConfig, Price
from headworks.settings.problem import Problem
from headworks.settings.providers import ProviderConfig, secret_hook, separated

MAX_BYTES = 2**20
NOT_BUILT = {
    "workflows": "workflows",
    "memory": "memory",
    "collections": "collections",
    "triggers": "triggers",
    "oauth": "OAuth 2.0",
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_FROM_FILE = "file:"
_BARE_NUMBER = "; a number here needs its unit, such as 30s, 10/s, 16MiB or 10 USD; else quote it"
_EMPTY = "nothing stands under this key: indent entries below it, or remove it"

Lines = dict[tuple[str, ...], int]


def read_config(path: Path, environment: Mapping[str, str]) -> types.Config:
    """The configuration of a YAML file, with `${NAME}`, `file:PATH` and `secret:MANAGER/NAME` values filled in.

    Raises: ConfigurationRefused with one entry a mistake: pointer, line, what is wrong and the fix.
    """
    return parse_config(_text_of(path), str(path), environment)


def read_parts(path: Path, environment: Mapping[str, str], parts: Collection[str]) -> types.Config:
    """Of a YAML file these parts of the top level alone: what others say, or lack, does not count.

    Raises: ConfigurationRefused as `read_config`.
    """
    return parse_config(_text_of(path), str(path), environment, parts)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigurationRefused(f"{path} is larger than 1 MiB; that is no configuration")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationRefused(f"{path} cannot be read: {error}") from error


def parse_config(
    text: str, name: str, environment: Mapping[str, str], parts: Collection[str] | None = None
) -> types.Config:
    """The configuration of YAML text, or of these parts of it; `name` stands before the line in messages."""
    lines: Lines = {}
    document, found = _document(text, name, lines)
    if parts is not None and isinstance(document, dict):
        document = {key: value for key, value in document.items() if key in parts}
        found = [problem for problem in found if problem.path[0] in parts]
    if isinstance(document, dict) and (parts is None or "providers" in parts):
        vendors = implied(document)
        document = written_out(document, vendors)
        lines |= {("providers", vendor): lines[place] for vendor, place in vendors.items() if place in lines}
    document = _filled(document, (), environment, Path(name).parent, found)
    if isinstance(document, dict) and isinstance(document.get("providers"), dict):
        providers = document["providers"].items()
        document["providers"] = {key: separated(each) if isinstance(each, dict) else each for key, each in providers}
    if not isinstance(document, dict):
        raise ConfigurationRefused(f"{name}: the top level must be a mapping with models and endpoints")
    found += list(_unknown_keys(document))
    config = None
    if not found:
        config, found = _typed(document)
    if config is not None:
        found += problems(config)
    if found or config is None:
        raise _refused(name, lines, found)
    return config


def refused(path: Path, found: Sequence[Problem]) -> ConfigurationRefused:
    """The refusal of what was found wrong later, with the lines of the file as it stands."""
    lines: Lines = {}
    if path.suffix != ".py":
        _document(path.read_text(encoding="utf-8"), str(path), lines)
    return _refused(str(path), lines, found)


def _refused(name: str, lines: Lines, found: Sequence[Problem]) -> ConfigurationRefused:
    errors = []
    for problem in found:
        line = next((lines[problem.path[:n]] for n in range(len(problem.path), -1, -1) if problem.path[:n] in lines), 1)
        errors.append(
            FieldError("/" + "/".join(problem.path), f"{name}:{line}: {'.'.join(problem.path)}: {problem.text}")
        )
    return ConfigurationRefused("\n".join(error.message for error in errors), errors=tuple(errors))


def _document(text: str, name: str, lines: Lines) -> tuple[object, list[Problem]]:
    """Plain data of the YAML, remembering where each key stands; doubled keys are problems."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, []
        found: list[Problem] = []
        _note_lines(node, (), lines, found)
        return loader.construct_document(node), found
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigurationRefused(f"{place}: not YAML: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise ConfigurationRefused(f"{name}: brackets or lists are nested too deep to be a configuration") from error
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Plain data only; a value that looks like a date or number and is none names its place, as other mistakes do."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node.

        Raises: yaml.constructor.ConstructorError.
        """
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:
            told = f"{error}; quote it if it is text"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark) from error


def _note_lines(node: yaml.Node, path: tuple[str, ...], lines: Lines, found: list[Problem]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            place = (*path, str(key.value))
            if place in seen:
                found.append(Problem(place, "stands twice; keep one"))
            seen.add(place)
            lines[place] = key.start_mark.line + 1
            _note_lines(value, place, lines, found)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*path, str(index)), lines, found)


def _filled(
    value: object, path: tuple[str, ...], environment: Mapping[str, str], folder: Path, found: list[Problem]
) -> Any:
    """The value with `${NAME}` from the environment, `file:PATH` from a file, `secret:` from a manager; keys become text."""
    if isinstance(value, dict):
        return {str(k): _filled(v, (*path, str(k)), environment, folder, found) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, (*path, str(i)), environment, folder, found) for i, v in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        return value
    if value.startswith(PREFIX):
        try:
            return read_secret(value)
        except LookupError as error:
            found.append(Problem(path, str(error)))
            return ""
    if value.startswith(_FROM_FILE):
        try:
            return (folder / value.removeprefix(_FROM_FILE)).read_text(encoding="utf-8").strip()
        except OSError as error:
            found.append(Problem(path, f"names a file that cannot be read: {error}"))
            return ""
        except UnicodeDecodeError:
            found.append(Problem(path, "names a file that is no UTF-8 text"))
            return ""

    def fill(match: re.Match[str]) -> str:
        if match[1] not in environment:
            found.append(Problem(path, f"needs the environment variable {match[1]}, which is not set"))
        return environment.get(match[1], "")

    return _VARIABLE.sub(fill, value)


def _unknown_keys(document: dict[str, Any]) -> Iterator[Problem]:
    yield from _unknown(document, types.Config, ())
    for part, kind in _NAMED.items():
        for name, entry in _mappings(document.get(part)):
            yield from _unknown(entry, kind, (part, name))
    for name, model in _mappings(document.get("models")):
        yield from _unknown(model, types.ModelConfig, ("models", name))
        if isinstance(model.get("batch"), dict):
            yield from _unknown(model["batch"], types.BatchConfig, ("models", name, "batch"))
    for name, versions in _mappings(document.get("endpoints")):
        for version, entry in _mappings(versions):
            yield from _unknown(entry, types.EndpointVersion, ("endpoints", name, version))
    for part, kind in _PARTS.items():
        if isinstance(document.get(part), dict):
            yield from _unknown(document[part], kind, (part,))


_PARTS: dict[str, type[msgspec.Struct]] = {
    "server": types.ServerConfig,
    "tls": types.TlsConfig,
    "cors": types.CorsConfig,
    "keys": types.KeysConfig,
    "records": types.RecordsConfig,
    "logs": types.LogsConfig,
}


_NAMED: dict[str, type[msgspec.Struct]] = {"providers": ProviderConfig, "budgets": BudgetConfig, "prices": Price}


def _mappings(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield from ((key, entry) for key, entry in value.items() if isinstance(entry, dict))


def _unknown(mapping: dict[str, Any], kind: type[msgspec.Struct], path: tuple[str, ...]) -> Iterator[Problem]:
    known = kind.__struct_fields__
    for key in mapping:
        if key in known:
            continue
        if not path and key in NOT_BUILT:
            yield Problem((key,), f"{NOT_BUILT[key]} are not available in this version; remove the section")
            continue
        yield _unknown_key((*path, key), known)


def _unknown_key(path: tuple[str, ...], known: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(path[-1], known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    return Problem(path, f"unknown key; {hint}")


def _typed(document: dict[str, Any]) -> tuple[types.Config | None, list[Problem]]:
    """The typed configuration; models and endpoint versions are converted one by one, to find every mistake."""
    found = list(_no_mappings(document))
    for name, model in _mappings(document.get("models")):
        _attempt(model, types.ModelConfig, ("models", name), found)
    for part, kind in _NAMED.items():
        for name, entry in _mappings(document.get(part)):
            _attempt(entry, kind, (part, name), found)
    for name, versions in _mappings(document.get("endpoints")):
        for version, entry in _mappings(versions):
            _attempt(entry, types.EndpointVersion, ("endpoints", name, version), found)
    if found:
        return None, found
    try:
        return msgspec.convert(document, types.Config, dec_hook=secret_hook), found
    except msgspec.ValidationError as error:
        return None, [_problem(error, types.Config, ())]


def _no_mappings(document: dict[str, Any]) -> Iterator[Problem]:
    """Entries that must hold keys of their own and hold nothing, or something else."""
    for part in ("models", "endpoints", *_NAMED):
        entries = document.get(part)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(entry, dict):
                yield Problem((part, name), _EMPTY if entry is None else "must be a mapping of keys to values")
    for name, versions in _mappings(document.get("endpoints")):
        for version, entry in versions.items():
            if not isinstance(entry, dict):
                yield Problem(("endpoints", name, version), _EMPTY if entry is None else "must be a mapping")


def _attempt(mapping: object, kind: type[msgspec.Struct], path: tuple[str, ...], found: list[Problem]) -> None:
    try:
        msgspec.convert(mapping, kind, dec_hook=secret_hook)
    except msgspec.ValidationError as error:
        found.append(_problem(error, kind, path))


def _problem(error: msgspec.ValidationError, kind: type[msgspec.Struct], path: tuple[str, ...]) -> Problem:
    """msgspec says where by ` - at `$.a.b``; shown to the operator, never used to decide."""
    text, _, where = str(error).partition(" - at `$")
    inside = tuple(part for part in re.split(r"[.\[\]`]+", where) if part and part != "...")
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", text)
    if unknown is not None:
        known = [field.encode_name for field in getattr(_type_at(kind, inside), "fields", ())]
        return _unknown_key((*path, *inside, unknown[1]), known)
    hint = _choices(kind, inside) if text.startswith("Invalid enum value") else _hint(text)
    return Problem((*path, *inside), text[0].lower() + text[1:] + hint)


def _hint(text: str) -> str:
    """What to write instead, where msgspec's words alone do not say it."""
    if text.startswith("Expected `str") and text.endswith(("`int`", "`float`")):
        return _BARE_NUMBER
    if text.startswith("Expected `object") and text.endswith("`null`"):
        return "; " + _EMPTY
    return "; write it as 2027-06-30" if text == "Invalid RFC3339 encoded date" else ""


def _type_at(kind: type[msgspec.Struct], path: tuple[str, ...]) -> Any:
    """The type of the value at a path of this type; of several that may stand there, the one that has fields."""
    found: Any = inspect.type_info(kind)
    for part in path:
        found = next((field.type for field in getattr(found, "fields", ()) if field.encode_name == part), None)
        found = next((each for each in getattr(found, "types", ()) if hasattr(each, "fields")), found)
    return found


def _choices(kind: type[msgspec.Struct], path: tuple[str, ...]) -> str:
    """The words that may stand at a path of this type."""
    found = _type_at(kind, path)
    values = [value for each in getattr(found, "types", (found,)) for value in getattr(each, "values", ())]
    return f"; write {' or '.join(map(str, values))}" if values else ""
