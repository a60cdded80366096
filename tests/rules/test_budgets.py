"""Sizes that stop the build: what parts good code from the rest is never the median, always the tail."""

import ast
import statistics

import pytest

from tests.rules.sources import modules

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 50
MOST_PARAMETERS = 6
MOST_NESTING = 3
BROAD_HANDLERS = 22
BANNED_WORDS = {"utils", "helpers", "common", "base", "manager", "misc", "core"}
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)


def _functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def _depth(node: ast.AST) -> int:
    deepest = 0
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ):
                continue
            is_elif = field == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If) and len(value) == 1
            deepest = max(deepest, _depth(child) + (isinstance(child, BLOCKS) and not is_elif))
    return deepest


@pytest.mark.parametrize("name", sorted(modules()))
def test_files_functions_parameters_and_nesting_stay_small(name):
    path, tree = modules()[name]

    assert len(path.read_text().splitlines()) <= MOST_FILE_LINES
    for function in _functions(tree):
        arguments = function.args
        named = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        counted = [a for a in named if a not in {"self", "cls"}]
        place = f"{path.name}:{function.lineno} {function.name}"
        assert _length(function) <= MOST_FUNCTION_LINES, place
        assert len(counted) <= MOST_PARAMETERS or function.name == "__init__", place
        assert _depth(function) <= MOST_NESTING, place


def test_the_story_fits_one_screen():
    path, tree = modules()["headworks.request.story"]

    assert len(path.read_text().splitlines()) <= 100
    assert max(_length(function) for function in _functions(tree)) <= 35


def test_the_median_function_is_short():
    lengths = [_length(function) for _, tree in modules().values() for function in _functions(tree)]

    assert statistics.median(lengths) <= 8
    assert statistics.quantiles(lengths, n=10)[8] <= 25


@pytest.mark.parametrize("name", sorted(modules()))
def test_names_say_what_a_file_holds(name):
    assert not BANNED_WORDS & set(name.split("."))


@pytest.mark.parametrize("name", sorted(modules()))
def test_every_public_thing_has_a_docstring(name):
    path, tree = modules()[name]
    public = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    inner = {child for node in _functions(tree) for child in ast.walk(node) if child is not node}

    assert ast.get_docstring(tree), path
    for node in public:
        is_overload = any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
        if node not in inner and not is_overload:
            assert ast.get_docstring(node), f"{path.name}:{node.lineno} {node.name}"


def test_checks_never_use_assert_and_data_is_never_pickled():
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Assert), f"{name}:{node.lineno}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, f"{name}:{node.lineno}"
    importers = [name for name, (path, _) in modules().items() if "import pickle" in path.read_text()]
    assert importers == []


def test_broad_handlers_stay_few():
    broad = [
        f"{name}:{node.lineno}"
        for name, (_, tree) in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    ]

    assert len(broad) <= BROAD_HANDLERS, broad
