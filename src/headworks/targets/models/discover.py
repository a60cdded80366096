"""Which models a Python file declares, found by reading its syntax: nothing of it is run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from headworks.errors import ConfigurationRefused

_PACKAGE = "headworks"
_MODULES = {"headworks", "headworks.declare"}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*")


def discover(file: str) -> tuple[str, ...]:
    """The names of the Model subclasses with a `predict` and of the marked functions, in the order of the file.

    Names that begin with an underscore are left out. A base class from another file of the team's own is not seen:
    name such a model in the configuration.

    Raises: ConfigurationRefused when the file cannot be read or is no Python.
    """
    try:
        tree = ast.parse(Path(file).read_bytes(), filename=file)
    except (OSError, SyntaxError, ValueError) as error:
        raise ConfigurationRefused(f"{file} cannot be read as Python: {error}") from error
    names = _Names(tree)
    declared = (names.declared_by(node) for node in tree.body)
    return tuple(name for name in declared if name and not name.startswith("_"))


def endpoint_name(name: str) -> str:
    """The endpoint a class or function publishes: `FraudRisk` is `fraud-risk`, `my_func` is `my-func`."""
    return "-".join(_WORDS.findall(name)).lower()


class _Names:
    """What the names at the top of a file stand for, as far as models are concerned."""

    def __init__(self, tree: ast.Module) -> None:
        self._packages: set[str] = set()
        self._bases: set[str] = set()
        self._marks: set[str] = set()
        self._with_predict: set[str] = set()
        for node in tree.body:
            self._learn(node)

    def _learn(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import):
            self._packages |= {
                alias.asname or alias.name
                for alias in node.names
                if alias.name in _MODULES and (alias.asname or alias.name == _PACKAGE)
            }
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            self._bases |= {alias.asname or alias.name for alias in node.names if alias.name == "Model"}
            self._marks |= {alias.asname or alias.name for alias in node.names if alias.name == "model"}
        elif isinstance(node, ast.ClassDef) and any(self._is(base, "Model", self._bases) for base in node.bases):
            self._bases.add(node.name)
            parents = {base.id for base in node.bases if isinstance(base, ast.Name)}
            if _defines_predict(node) or parents & self._with_predict:
                self._with_predict.add(node.name)

    def _is(self, node: ast.expr, attribute: str, names: set[str]) -> bool:
        """Whether an expression is one of these names, or `headworks.<attribute>`."""
        if isinstance(node, ast.Name):
            return node.id in names
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return False
        return node.attr == attribute and node.value.id in self._packages

    def declared_by(self, node: ast.stmt) -> str:
        """The name of the model a statement declares; empty when it declares none."""
        if isinstance(node, ast.ClassDef):
            return node.name if node.name in self._with_predict else ""
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return ""
        marks = (mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list)
        return node.name if any(self._is(mark, "model", self._marks) for mark in marks) else ""


def _defines_predict(node: ast.ClassDef) -> bool:
    return any(
        isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name == "predict" for inner in node.body
    )
