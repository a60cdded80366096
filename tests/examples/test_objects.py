"""The detector: its network's operators turned into ONNX, its boxes, and, once it was prepared, its tour pasted as a reader would."""

import base64
import json
import re
import shutil

import numpy as np
import onnxruntime
import pytest
from examples.objects.models import apart, shared
from examples.objects.prepare import DETECTOR, labels
from examples.objects.tensorflow_js import read_weights, to_onnx

from headworks.settings import read_config
from headworks.tasks import object_detection as od
from tests.examples.started import paste, printed_lines, started_example
from tests.examples.test_demo_files import ROOT

PROJECT = ROOT / "examples" / "objects"


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values):
    return {"list": {"s": [text(value)["s"] for value in values]}}


def numbers(*values):
    return {"list": {"i": [str(value) for value in values]}}


def node(operator, *inputs, name="y", **attributes):
    return {"name": name, "op": operator, "input": list(inputs), "attr": attributes}


def run(folder, entering, leaving_shape, weights, *nodes):
    """What the last node gives for one input `x`, by onnxruntime, after the way through TensorFlow.js' files."""
    sides = lambda shape: {"dim": [{"size": str(side)} for side in shape]}  # noqa: E731
    manifest = [
        {"name": name, "shape": list(value.shape), "dtype": "int32" if value.dtype == np.int32 else "float32"}
        for name, value in weights.items()
    ]
    constants = [node("Const", name=name) for name in weights]
    packaged = {
        "modelTopology": {"node": [node("Placeholder", name="x"), *constants, *nodes]},
        "weightsManifest": [{"paths": ["w.bin"], "weights": manifest}],
        "signature": {
            "inputs": {"x": {"name": "x", "tensorShape": sides(entering.shape)}},
            "outputs": {"y": {"name": "y", "tensorShape": sides(leaving_shape)}},
        },
    }
    (folder / "w.bin").write_bytes(b"".join(value.tobytes() for value in weights.values()))
    (folder / "model.json").write_text(json.dumps(packaged))
    session = onnxruntime.InferenceSession(to_onnx(folder / "model.json", "y").SerializeToString())
    return session.run(None, {"x": entering})[0]


def floats(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def ints(*values):
    return np.array(values, np.int32)


def test_a_fused_convolution_adds_its_bias_and_cuts_below_zero(tmp_path):
    x, kernel, bias = floats(1, 4, 4, 3), floats(1, 1, 3, 2) - 2, np.array([-30, 5], np.float32)
    convolution = node(
        "_FusedConv2D",
        "x",
        "k",
        "b",
        strides=numbers(1, 2, 2, 1),
        padding=text("VALID"),
        fused_ops=texts("BiasAdd", "Relu"),
    )

    y = run(tmp_path, x, (1, 2, 2, 2), {"k": kernel, "b": bias}, convolution)

    assert y == pytest.approx(np.maximum(np.einsum("nhwi,io->nhwo", x[:, ::2, ::2], kernel[0, 0]) + bias, 0))


def test_a_depthwise_convolution_keeps_channels_apart(tmp_path):
    x, kernel = floats(1, 5, 5, 3), floats(3, 3, 3, 1)
    convolution = node("DepthwiseConv2dNative", "x", "k", strides=numbers(1, 1, 1, 1), padding=text("VALID"))

    y = run(tmp_path, x, (1, 3, 3, 3), {"k": kernel}, convolution)

    windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), (0, 1))
    assert y[0] == pytest.approx(np.einsum("hwcij,ijc->hwc", windows, kernel[:, :, :, 0]))


@pytest.mark.parametrize(
    ("operator", "weights", "attributes", "expected"),
    [
        ("StridedSlice", {"b": ints(0, 1), "e": ints(0, 3), "s": ints(1, 1)}, {"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}}, lambda x: x[:, 1:3]),
        ("Mean", {"a": ints(1)}, {"keep_dims": {"b": True}}, lambda x: x.mean(1, keepdims=True)),
        ("Relu6", {}, {}, lambda x: np.clip(x, 0, 6)),
        ("TopKV2", {"k": ints(2)}, {}, lambda x: x[:, :-3:-1]),
        ("GatherV2", {"i": ints(2, 0), "a": ints(1)}, {}, lambda x: x[:, [2, 0]]),
        ("ExpandDims", {"a": ints(0)}, {}, lambda x: x[None]),
        ("Mul", {"m": np.array([3], np.float32)}, {}, lambda x: x * 3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_operator_does_as_tensorflows(tmp_path, operator, weights, attributes, expected):
    x = floats(3, 4)

    y = run(tmp_path, x, expected(x).shape, weights, node(operator, "x", *weights, **attributes))

    assert y == pytest.approx(expected(x))


def test_an_unknown_operator_is_named(tmp_path):
    with pytest.raises(KeyError, match="Erf"):
        run(tmp_path, floats(1), (1,), {}, node("Erf", "x"))


def test_weights_that_do_not_fill_their_file_are_refused(tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(12))
    manifest = [{"paths": ["w.bin"], "weights": [{"name": "w", "shape": [2], "dtype": "float32"}]}]

    with pytest.raises(ValueError, match="4 bytes of weights are left over"):
        read_weights(manifest, tmp_path)


def test_halves_become_floats(tmp_path):
    (tmp_path / "w.bin").write_bytes(np.array([0.5, -2], "<f2").tobytes())
    weight = {"name": "w", "shape": [2], "dtype": "float32", "quantization": {"dtype": "float16"}}

    read = read_weights([{"paths": ["w.bin"], "weights": [weight]}], tmp_path)["w"]
    assert read.dtype == np.float32
    assert read.tolist() == [0.5, -2]


def test_labels_come_in_the_order_of_their_numbers():
    assert labels("{ class: 2, label: 'bicycle' },\n{ class: 1, label: 'person' }") == ["person", "bicycle"]


def thing(label, score, *box):
    return od.Detection(label=label, score=score, box=od.Box(*box))


def test_of_two_boxes_of_one_kind_the_better_stays_and_of_two_kinds_both():
    worse, better = thing("cup", 0.5, 0, 0, 10, 10), thing("cup", 0.9, 1, 0, 10, 10)
    other, far = thing("bowl", 0.6, 0, 0, 10, 10), thing("cup", 0.4, 50, 50, 60, 60)

    assert apart([worse, other, better, far]) == [better, other, far]


@pytest.mark.parametrize(
    ("b", "expected"), [((0, 0, 10, 10), 1), ((20, 20, 30, 30), 0), ((0, 0, 10, 5), 0.5), ((3, 3, 3, 3), 0)]
)
def test_how_much_two_boxes_share(b, expected):
    assert shared(od.Box(0, 0, 10, 10), od.Box(*b)) == expected


def test_it_is_a_valid_configuration():
    assert set(read_config(PROJECT / "headworks.yaml", {}).endpoints) == {"detect-objects"}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    if not DETECTOR.exists() or shutil.which("curl") is None:
        pytest.skip("run make demo-objects once before; needs curl")
    with started_example("examples.objects", ["--home", str(tmp_path_factory.mktemp("objects") / "home")]) as said:
        yield said


@pytest.mark.slow
def test_each_line_of_the_tour_finds_what_the_picture_shows(printed):
    raw, form = printed_lines(printed, "detect-objects")
    (inside_json,) = re.findall(r"^\(printf.*$", printed, re.MULTILINE)

    found = [json.loads(paste(printed, line)) for line in (raw, form, inside_json)]
    assert found[0] == found[2]
    assert [one["label"] for one in found[0]] == ["person"]
    assert found[0][0]["box"]["ymax"] == 512
    assert "cup" in {one["label"] for one in found[1]}
