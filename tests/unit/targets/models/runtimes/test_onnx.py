import msgspec
import pytest

from headworks.errors import ConfigurationRefused, SchemaViolation
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import load
from headworks.values import Payload
from tests.unit.targets.models.onnx_file import FLOAT, INT64, STRING, model, node, sequence_info, value_info

DOUBLED = [node("Add", ["x", "x"], ["y"])]
CONCATENATED = [node("Identity", ["a"], ["c"]), node("Identity", ["b"], ["d"])]


@pytest.fixture
def loaded(tmp_path):
    def make(content, **parameters):
        (tmp_path / "m.onnx").write_bytes(content)
        return load(Source("onnx", "m.onnx", str(tmp_path), parameters))

    return make


def _called(runner, document, is_array=False):
    rows = runner.decode(Payload(document, is_array=is_array))
    return [msgspec.json.decode(output) for output in runner.predict(rows)]


def test_an_open_first_dimension_is_the_batch(loaded):
    runner = loaded(model(DOUBLED, [value_info("x", FLOAT, ["n", 2])], [value_info("y", FLOAT, ["n", 2])]))

    assert runner.announcement.is_batch
    assert _called(runner, b"[1, 2]") == [[2, 4]]
    assert _called(runner, b"[[1, 2], [3, 4]]", is_array=True) == [[2, 4], [6, 8]]


def test_a_fixed_shape_is_one_row(loaded):
    runner = loaded(model(DOUBLED, [value_info("x", INT64, [1, 2])], [value_info("y", INT64, [1, 2])]))

    assert not runner.announcement.is_batch
    assert _called(runner, b"[[1, 2]]") == [[[2, 4]]]


def test_shape_and_element_type_are_the_schema(loaded):
    runner = loaded(model(DOUBLED, [value_info("x", INT64, ["n", 2])], [value_info("y", INT64, ["n", 2])]))

    assert runner.announcement.request == {
        "type": "array",
        "items": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        "minItems": 2,
        "maxItems": 2,
    }


@pytest.mark.parametrize(
    ("document", "pointer"),
    [(b"[1]", ""), (b"[1, true]", "/1"), (b"[1, 1e39]", "/1"), (b'"x"', ""), (b"[[1, 2], 3]", "/0")],
)
def test_what_does_not_fit_is_refused_with_a_pointer(loaded, document, pointer):
    runner = loaded(model(DOUBLED, [value_info("x", FLOAT, ["n", 2])], [value_info("y", FLOAT, ["n", 2])]))

    with pytest.raises(SchemaViolation) as caught:
        runner.decode(Payload(document))

    assert caught.value.errors[0].pointer == pointer


TWO = model(
    CONCATENATED,
    [value_info("a", FLOAT, ["n"]), value_info("b", STRING, ["n", "k"])],
    [value_info("c", FLOAT, ["n"]), value_info("d", STRING, ["n", "k"])],
)


def test_several_inputs_and_outputs_are_objects_by_name(loaded):
    runner = loaded(TWO)

    assert _called(runner, b'{"a": 1, "b": ["x", "y"]}') == [{"c": 1, "d": ["x", "y"]}]
    assert _called(runner, b'[{"a": 1, "b": ["x"]}, {"a": 2, "b": ["y"]}]', is_array=True) == [
        {"c": 1, "d": ["x"]},
        {"c": 2, "d": ["y"]},
    ]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [(b'{"a": 1}', "/b"), (b'{"a": 1, "b": [], "z": 1}', "/z"), (b'{"a": 1, "b": [2]}', "/b/0"), (b"[]", "")],
)
def test_an_object_that_does_not_fit_is_refused_with_a_pointer(loaded, document, pointer):
    with pytest.raises(SchemaViolation) as caught:
        loaded(TWO).decode(Payload(document))

    assert caught.value.errors[0].pointer == pointer


def test_an_output_of_unknown_rank_is_any_numbers(loaded):
    runner = loaded(model(DOUBLED, [value_info("x", FLOAT, [2])], [value_info("y", FLOAT, [])]))

    assert _called(runner, b"[1, 2]") == [[2, 4]]


def test_a_sequence_is_refused_with_the_fix(loaded):
    listed = [node("SequenceConstruct", ["x"], ["y"])]

    with pytest.raises(ConfigurationRefused, match="zipmap=False"):
        loaded(model(listed, [value_info("x", FLOAT, [2])], [sequence_info("y", FLOAT)]))


def test_arrays_have_no_binary_fields(loaded):
    with pytest.raises(SchemaViolation):
        loaded(TWO).decode(Payload(b"{}", (("", b"x"),)))


def test_declared_examples_run_before_ready(loaded):
    content = model(DOUBLED, [value_info("x", FLOAT, ["n", 2])], [value_info("y", FLOAT, ["n", 2])])

    loaded(content, examples=[[1, 2]]).warm_up()
    with pytest.raises(SchemaViolation):
        loaded(content, examples=[[1]]).warm_up()


def test_the_version_is_the_digest_of_the_file(loaded):
    first = loaded(TWO).announcement.model_version
    other = loaded(model(DOUBLED, [value_info("x", FLOAT, [1])], [value_info("y", FLOAT, [1])]))

    assert len(first) == 12
    assert other.announcement.model_version != first


@pytest.mark.parametrize(
    ("content", "parameters", "words"),
    [
        (b"not a model", {}, "cannot be loaded as an ONNX model"),
        (TWO, {"thread": 2}, "threads"),
        (TWO, {"threads": 0}, "threads"),
        (TWO, {"providers": ["NoProvider"]}, "CPUExecutionProvider"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_the_reason(loaded, content, parameters, words):
    with pytest.raises(ConfigurationRefused, match=words):
        loaded(content, **parameters)
