"""Imports go one way; siblings meet in app.py only."""

import pytest

from tests.rules.sources import external_imports, imports, modules

LAYERS = [
    ("errors", "units", "pending"),
    ("contract",),
    ("settings", "values", "ports", "declare", "tasks", "home"),
    (
        "request",
        "identity",
        "limits",
        "records",
        "stores",
        "targets",
        "watch",
        "admin",
        "dialects",
        "offload",
        "publish",
    ),
    ("story",),
    ("app", "assembly"),
    ("edge", "asgi"),
    ("cli",),
]
FREE = {"headworks"}
"""The package's own __init__ only names things."""
SIBLINGS_THAT_MEET = {
    ("request", "dialects"),  # parse and respond speak the native wire forms
    ("records", "stores"),  # the ledger is kept in a store
    ("identity", "stores"),
    ("limits", "stores"),
    ("targets", "declare"),
    ("records", "watch"),
}
OWNERS = {
    "apsw": ("records", "stores", "identity", "limits"),
    "uvloop": ("edge", "cli", "app", "assembly"),
    "wsproto": ("edge",),
    "jsonschema_rs": ("contract",),
    "yaml": ("settings", "cli"),
    "multipart": ("dialects",),
    "cryptography": ("records", "identity"),
    "numpy": ("targets.models", "declare"),
    "PIL": ("targets.models", "declare"),
    "pydantic": ("targets.models", "declare"),
}
READS_ENVIRONMENT = {"headworks.app", "headworks.assembly", "headworks.cli", "headworks.asgi"}
READS_TIME = {"headworks.units", "headworks.targets.models"}


def _part(name: str) -> str:
    if name in {"headworks.request.story"}:
        return "story"
    return name.split(".")[1] if "." in name else ""


def _rank(name: str) -> int:
    part = _part(name)
    return next(rank for rank, layer in enumerate(LAYERS) if part in layer)


PAIRS = [(name, target) for name, (_, tree) in modules().items() if name not in FREE for target in imports(name, tree)]


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_imports_point_to_the_left(name, target):
    if target in FREE:
        pytest.fail(f"{name} imports the package's __init__; import the module that holds the name")

    assert _rank(target) <= _rank(name), f"{name} may not import {target}"


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_parts_never_import_each_other(name, target):
    parts = LAYERS[3]
    ours, theirs = _part(name), _part(target)
    met = ours == theirs or (ours, theirs) in SIBLINGS_THAT_MEET

    assert ours not in parts or theirs not in parts or met, f"{name} may not import {target}; let them meet in app.py"


def test_there_are_no_cycles():
    graph = {name: imports(name, tree) for name, (_, tree) in modules().items() if name not in FREE}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            pytest.fail(" -> ".join((*path[path.index(name) :], name)))
        if name in done:
            return
        for target in graph.get(name, ()):
            visit(target, (*path, name))
        done.add(name)

    for name in graph:
        visit(name, ())

    assert len(done) >= len(graph)


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_library_is_imported_by_its_owners_only(name):
    used = external_imports(modules()[name][1])
    inside = name.removeprefix("headworks.")
    strangers = {lib for lib in used & OWNERS.keys() if not inside.startswith(OWNERS[lib])}

    assert not strangers, f"{name} may not import {strangers}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_environment_time_and_randomness_come_in_as_arguments(name):
    path, tree = modules()[name]
    text = path.read_text()
    used = external_imports(tree)

    if not name.startswith(tuple(READS_ENVIRONMENT)):
        assert "os.environ" not in text
        assert "getenv" not in text
    if not name.startswith(tuple(READS_TIME)):
        assert not used & {"time", "random"}, f"{name} takes a clock instead"
