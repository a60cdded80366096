"""Imports go one way; siblings meet in app.py only."""

import pytest

from tests.rules.sources import external_imports, imports, modules

LAYERS = [
    ("errors", "units", "pending", "secret", "durable"),
    ("contract", "policies"),
    (
        "settings",
        "costs",
        "values",
        "recording",
        "ports",
        "belongings",
        "owing",
        "declare",
        "tasks",
        "home",
        "bridge",
        "doorbell",
    ),
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
        "money",
        "cache",
    ),
    ("story",),
    (
        "routes",
        "ways",
        "assembly",
        "publishing",
        "checking",
        "commands",
        "acts",
        "operations",
        "backup",
        "owner",
        "app",
    ),
    ("edge", "mounted"),
    ("cli",),
]
FREE = {"headworks"}
"""The package's own __init__ only names things."""
SIBLINGS_THAT_MEET = {
    ("request", "dialects"),  # parse and respond speak the native wire forms
    ("records", "stores"),  # the record, the keys and the debts are kept in stores
    ("identity", "stores"),
    ("limits", "stores"),
}
OWNERS = {
    "apsw": ("records", "stores", "identity", "limits"),
    "uvloop": ("cli",),
    "wsproto": ("edge",),
    "jsonschema_rs": ("contract",),
    "yaml": ("settings", "cli"),
    "multipart": ("dialects",),
    "certifi": ("targets.providers",),
    "cryptography": ("records", "identity", "cache", "edge.server"),
    "numpy": ("targets.models", "declare"),
    "botocore": ("targets.providers.aws",),
    "jmespath": ("targets.providers.http_json",),
    "google": ("targets.providers.google",),
    "PIL": ("targets.models", "declare"),
    "pydantic": ("targets.models", "declare"),
}
READS_ENVIRONMENT = {
    "headworks.app",
    "headworks.assembly.deployment",
    "headworks.checking.inspection",
    "headworks.cli",
    "headworks.mounted",
}
READS_TIME = {"headworks.units", "headworks.targets.models"}


def _part(name: str) -> str:
    if name == "headworks.request.story":
        return "story"
    return name.split(".")[1] if "." in name else ""


def _rank(name: str) -> int:
    part = _part(name)
    return next(rank for rank, layer in enumerate(LAYERS) if part in layer)


PAIRS = [(name, target) for name, (_, tree) in modules().items() if name not in FREE for target in imports(name, tree)]


def test_no_module_imports_the_package_itself():
    assert [name for name, target in PAIRS if target in FREE] == []


def test_imports_point_to_the_left():
    backwards = [f"{name} -> {target}" for name, target in PAIRS if _rank(target) > _rank(name)]

    assert backwards == []


def test_parts_never_import_each_other():
    parts = LAYERS[3]
    pairs = [(name, target, _part(name), _part(target)) for name, target in PAIRS]
    met = [
        f"{name} -> {target}"
        for name, target, ours, theirs in pairs
        if ours in parts and theirs in parts and ours != theirs and (ours, theirs) not in SIBLINGS_THAT_MEET
    ]

    assert met == [], "let them meet in app.py"


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
