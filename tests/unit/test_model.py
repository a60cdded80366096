"""Models as a team writes them, from the file to the answer."""

import asyncio
import hashlib
import subprocess
import sys

import msgspec
import pytest

from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import load
from headworks.values import Payload

HEAD = """
from __future__ import annotations
import msgspec
from collections.abc import AsyncIterator, Iterator
from headworks.declare import Model, model, Context

class Review(msgspec.Struct):
    text: str

class Label(msgspec.Struct):
    label: str
    score: float
"""
CLASS = """
class Sentiment(Model):
    \"\"\"Says how a review sounds.

    More.
    \"\"\"
    examples = ({"text": "fine"}, Review("good"))

    def load(self) -> None:
        self.word = "good"

    def predict(self, batch: list[Review]) -> list[Label]:
        return [Label("yes" if self.word in row.text else "no", 1) for row in batch]
"""


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def make(text, name, file="models.py", **parameters):
        (tmp_path / file).write_text(HEAD + text)
        return load(Source("python", f"{file}:{name}", str(tmp_path), parameters))

    yield make
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in sys.modules[name].__file__:
            del sys.modules[name]


def answers(runner, *documents):
    rows = [row for document in documents for row in runner.decode(Payload(document))]
    return [msgspec.json.decode(output) for output in runner.predict(rows)]


def test_a_class_is_loaded_warmed_up_and_answers(loaded):
    runner = loaded(CLASS, "Sentiment")
    runner.warm_up()

    assert answers(runner, b'{"text": "good"}', b'{"text": "bad"}') == [
        {"label": "yes", "score": 1.0},
        {"label": "no", "score": 1.0},
    ]
    assert runner.announcement.examples == ({"text": "fine"}, {"text": "good"})


def test_description_and_version_come_from_the_class_or_the_source(loaded, tmp_path):
    announced = loaded(CLASS, "Sentiment").announcement

    assert announced.description == "Says how a review sounds."
    digest = hashlib.sha256((tmp_path / "models.py").read_bytes()).hexdigest()
    assert announced.model_version == digest[:12]


def test_a_class_may_name_its_own_version_and_description(loaded):
    text = (
        'class M(Model):\n    version = "7"\n    description = "Mine."\n    def predict(self, x: float) -> float: ...\n'
    )

    announced = loaded(text, "M").announcement

    assert (announced.model_version, announced.description) == ("7", "Mine.")


def test_a_function_is_a_model_with_or_without_a_mark(loaded):
    text = "@model(examples=[2.0], version='3')\ndef double(x: float) -> float:\n    'Twice.'\n    return 2 * x\n"

    runner = loaded(text, "double")
    runner.warm_up()

    assert answers(runner, b"4") == [8.0]
    assert (runner.announcement.model_version, runner.announcement.description) == ("3", "Twice.")
    assert answers(loaded("def plain(x: float) -> float:\n    return x\n", "plain", "plain_models.py"), b"4") == [4.0]


def test_a_generator_streams(loaded):
    text = "def spell(row: Review) -> Iterator[str]:\n    yield from row.text\n"

    runner = loaded(text, "spell")

    assert runner.announcement.is_stream
    assert list(runner.stream(runner.decode(Payload(b'{"text": "ab"}'))[0])) == [b'"a"', b'"b"']


def test_async_code_is_awaited(loaded):
    text = "class M(Model):\n    async def predict(self, row: Review, context: Context) -> str:\n        return context.request_id\n"
    runner = loaded(text, "M")

    assert runner.announcement.is_async
    assert asyncio.run(runner.predict_async(runner.decode(Payload(b'{"text": "a"}')))) == [b'""']


def test_a_module_beside_the_file_can_be_imported(loaded, tmp_path):
    (tmp_path / "beside_the_model.py").write_text("WORD = 'x'\n")
    text = "import beside_the_model\ndef word(x: int) -> str:\n    return beside_the_model.WORD\n"

    assert answers(loaded(text, "word"), b"1") == ["x"]


def test_a_file_named_like_a_library_does_not_replace_it(loaded):
    import json

    runner = loaded("def one(x: int) -> int:\n    return x\n", "one", "json.py")

    assert answers(runner, b"1") == [1]
    assert sys.modules["json"] is json


def test_a_module_is_named_without_its_file(loaded, tmp_path):
    (tmp_path / "some_models.py").write_text(HEAD + CLASS)

    runner = load(Source("python", "some_models:Sentiment", str(tmp_path)))

    assert answers(runner, b'{"text": "good"}')[0]["label"] == "yes"


def test_a_file_that_fails_to_import_leaves_nothing_behind(loaded):
    with pytest.raises(ZeroDivisionError):
        loaded("1 / 0\n", "M", "broken_models.py")

    assert "broken_models" not in sys.modules


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (CLASS, "Nothing", "has no 'Nothing'"),
        ("it = 3\n", "it", "neither a subclass of headworks.Model nor a function"),
        ("class M(Model): ...\n", "M", "M has no method predict"),
        ("class M(Model):\n    def predict(self, x): ...\n", "M", "M.predict: parameter 'x' has no annotation"),
        ("class M(Model):\n    def predict(self, x: Gone) -> int: ...\n", "M", "M.predict: .*Gone"),
        ("class M(Model):\n    def predict(self, x: complex) -> int: ...\n", "M", "complex"),
        (
            "class M(Model):\n    def __init__(self, path): ...\n    def predict(self, x: int) -> int: ...\n",
            "M",
            "M.__init__ needs path",
        ),
        (
            "class M(Model):\n    async def load(self): ...\n    def predict(self, x: int) -> int: ...\n",
            "M",
            "M.load is a coroutine function",
        ),
        (
            "class M(Model):\n    examples = (object(),)\n    def predict(self, x: int) -> int: ...\n",
            "M",
            r"M.examples\[0\] has no JSON form",
        ),
        ("def f(x) -> int: ...\n", "f", "^f: parameter 'x' has no annotation"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(loaded, text, name, words):
    with pytest.raises(ConfigurationRefused, match=words):
        loaded(text, name)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("models.py", "names no object; .* for example models.py:Sentiment"),
        ("gone.py:M", "There is no file"),
        ("gone_module:M", "There is no module 'gone_module'"),
        ("gone", "names no object"),
    ],
)
def test_a_wrong_reference_is_refused_with_the_fix(loaded, tmp_path, reference, words):
    (tmp_path / "models.py").write_text(HEAD + CLASS)

    with pytest.raises(ConfigurationRefused, match=words):
        load(Source("python", reference, str(tmp_path)))


def test_an_import_that_fails_inside_the_module_shows_itself(loaded, tmp_path):
    (tmp_path / "importing_models.py").write_text("import a_package_nobody_has\n")

    with pytest.raises(ModuleNotFoundError, match="a_package_nobody_has"):
        load(Source("python", "importing_models:M", str(tmp_path)))


def test_a_python_model_has_no_parameters(loaded):
    with pytest.raises(ConfigurationRefused, match="parameters of python are: none"):
        loaded(CLASS, "Sentiment", threads=3)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationRefused, match="there are python, onnx"):
        load(Source("matlab", "m.mat", "."))


def test_a_missing_library_is_refused_with_the_extra_that_brings_it():
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from headworks.targets.models.runtimes import load\n"
        "from headworks.targets.models.runner import Source\n"
        "try:\n    load(Source('onnx', 'm.onnx', '.'))\n"
        "except Exception as error:\n    print(error)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout == "m.onnx needs the package 'onnxruntime'; install headworks[onnx].\n"
