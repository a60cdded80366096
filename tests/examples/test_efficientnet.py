import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from examples.demo.prepare.efficientnet import SIDE, STAGES, Graph, efficientnet_lite0  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402


def normalised(prefix, channels, random):
    parts = {"weight": random.uniform(0.5, 1.5, channels), "bias": random.normal(size=channels)}
    parts |= {"running_mean": random.normal(size=channels), "running_var": random.uniform(0.5, 1.5, channels)}
    return {f"{prefix}.{part}": value.astype(np.float32) for part, value in parts.items()}


def whole_network(random):
    """Random weights in the shapes of the real checkpoint."""

    def convolution(prefix, norm, leaving, entering, kernel):
        weights = random.normal(size=(leaving, entering, kernel, kernel)) / (entering * kernel * kernel) ** 0.5
        return {f"{prefix}.weight": weights.astype(np.float32)} | normalised(norm, leaving, random)

    tensors, number = convolution("_conv_stem", "_bn0", 32, 3, 3), 0
    for repeats, kernel, _, expansion, entering, leaving in STAGES:
        for repeat in range(repeats):
            narrow, prefix = (leaving if repeat else entering), f"_blocks.{number}"
            wide = narrow * expansion
            if expansion != 1:
                tensors |= convolution(f"{prefix}._expand_conv", f"{prefix}._bn0", wide, narrow, 1)
            tensors |= convolution(f"{prefix}._depthwise_conv", f"{prefix}._bn1", wide, 1, kernel)
            tensors |= convolution(f"{prefix}._project_conv", f"{prefix}._bn2", leaving, wide, 1)
            number += 1
    tensors |= convolution("_conv_head", "_bn1", 1280, 320, 1)
    return tensors | {"_fc.weight": np.ones((1000, 1280), np.float32), "_fc.bias": np.zeros(1000, np.float32)}


def test_the_network_takes_any_number_of_images_and_gives_shares_that_add_up_to_one():
    model = efficientnet_lite0(whole_network(np.random.default_rng(0)))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = np.zeros((2, 3, SIDE, SIDE), np.float32)

    (shares,) = session.run(None, {"pixels": images})

    assert shares.shape == (2, 1000)
    assert shares.sum(axis=1) == pytest.approx([1, 1], abs=1e-4)


def test_a_convolution_and_its_normalisation_fold_into_one():
    random = np.random.default_rng(0)
    kernel = random.normal(size=(4, 3, 1, 1)).astype(np.float32)
    norm = normalised("norm", 4, random)
    graph = Graph({"conv.weight": kernel} | norm)
    last = graph.convolution("x", "conv", "norm")
    value = lambda name, channels: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 2, 2])  # noqa: E731
    whole = helper.make_graph(graph.nodes, "folded", [value("x", 3)], [value(last, 4)], graph.weights)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    x = random.normal(size=(1, 3, 2, 2)).astype(np.float32)

    (folded,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})

    plain = np.einsum("oi,nihw->nohw", kernel[:, :, 0, 0], x)
    gamma, beta, mean, variance = (
        norm[f"norm.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
    )
    assert folded == pytest.approx((plain - mean) / np.sqrt(variance + 1e-3) * gamma + beta, abs=1e-5)
