import pytest

from headworks.errors import ConfigurationRefused
from headworks.targets.models.discover import discover, endpoint_name

SOURCE = """
import headworks
import headworks as hw
from headworks import Model, model
from headworks import Model as Base, model as served

raise RuntimeError("never run")

@headworks.model
def first(x: float) -> float: ...

class FraudRisk(headworks.Model):
    def predict(self, batch): ...

class Shared(Model):
    def load(self): ...

class Second(Shared):
    def predict(self, batch): ...

class Third(Second):
    version = "2"

class _Hidden(Model):
    def predict(self, batch): ...

class Other:
    def predict(self, batch): ...

class Aliased(hw.Model):
    async def predict(self, row): ...

class Renamed(Base):
    def predict(self, row): ...

@model(examples=[1.0])
def fourth(x: float) -> float: ...

@served
async def fifth(x: float) -> float: ...

@property
def sixth(x): ...

def seventh(x): ...
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "models.py"
        path.write_text(text)
        return str(path)

    return write


def test_models_and_marked_functions_are_found_in_order_without_running_them(written):
    assert discover(written(SOURCE)) == (
        "first", "FraudRisk", "Second", "Third", "Aliased", "Renamed", "fourth", "fifth",
    )  # fmt: skip


def test_a_file_without_models_has_none(written):
    assert discover(written("x = 1\n")) == ()


@pytest.mark.parametrize("text", ["def (", "x = '\0'"])
def test_what_is_no_python_is_refused(written, text):
    with pytest.raises(ConfigurationRefused, match=r"models\.py"):
        discover(written(text))


def test_a_missing_file_is_refused():
    with pytest.raises(ConfigurationRefused, match=r"nowhere\.py"):
        discover("/nowhere.py")


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("FraudRisk", "fraud-risk"),
        ("my_func", "my-func"),
        ("HTTPModel", "http-model"),
        ("Sentiment2", "sentiment2"),
        ("GPT2Model", "gpt2-model"),
        ("S1", "s1"),
        ("OCR", "ocr"),
        ("recommend", "recommend"),
    ],
)
def test_a_name_becomes_an_endpoint(name, endpoint):
    assert endpoint_name(name) == endpoint
