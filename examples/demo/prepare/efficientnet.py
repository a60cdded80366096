"""Builds EfficientNet-Lite0 as an ONNX graph from its packaged PyTorch checkpoint, without PyTorch.

Source: "EfficientNet: Rethinking Model Scaling" (Tan and Le, 2019), the Lite variant: no squeeze-and-excitation, ReLU6.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

# repeats, kernel, stride, expansion, channels in, channels out
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
BATCH_NORM_EPSILON = 1e-3
SIDE = 224


class Graph:
    """Nodes and weights in the order in which they are added."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def weight(self, value: Array) -> str:
        name = f"w_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, np.float32, order="C"), name))
        return name

    def convolution(self, x: str, prefix: str, norm: str, *, stride: int = 1, groups: int = 1) -> str:
        """A convolution with its batch normalisation folded into weights and bias."""
        kernel = self.tensors[f"{prefix}.weight"]
        gamma, beta, mean, variance = (
            self.tensors[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        weights = self.weight(kernel * scale[:, None, None, None])
        bias = self.weight(beta - mean * scale)
        return self.add("Conv", x, weights, bias, strides=[stride, stride], group=groups, auto_pad="SAME_UPPER")

    def relu6(self, x: str) -> str:
        return self.add("Clip", x, self.weight(np.array(0)), self.weight(np.array(6)))


def add_block(graph: Graph, x: str, number: int, stride: int, channels: tuple[int, int, int]) -> str:
    """One inverted bottleneck: widen, filter each channel, narrow, and add the input where shapes allow."""
    entering, widened, leaving = channels
    prefix, y = f"_blocks.{number}", x
    if widened != entering:
        y = graph.relu6(graph.convolution(y, f"{prefix}._expand_conv", f"{prefix}._bn0"))
    y = graph.convolution(y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride=stride, groups=widened)
    y = graph.convolution(graph.relu6(y), f"{prefix}._project_conv", f"{prefix}._bn2")
    return graph.add("Add", y, x) if stride == 1 and entering == leaving else y


def efficientnet_lite0(tensors: Mapping[str, Array]) -> onnx.ModelProto:
    """The classifier as ONNX: `pixels` (n, 3, 224, 224), (RGB - 127) / 128, to `probabilities` (n, 1000)."""
    graph, number = Graph(tensors), 0
    x = graph.relu6(graph.convolution("pixels", "_conv_stem", "_bn0", stride=2))
    for repeats, _, first_stride, expansion, entering, leaving in STAGES:
        for repeat in range(repeats):
            source = leaving if repeat else entering
            x = add_block(graph, x, number, 1 if repeat else first_stride, (source, source * expansion, leaving))
            number += 1
    x = graph.relu6(graph.convolution(x, "_conv_head", "_bn1"))
    x = graph.add("Flatten", graph.add("GlobalAveragePool", x))
    x = graph.add("Gemm", x, graph.weight(tensors["_fc.weight"]), graph.weight(tensors["_fc.bias"]), transB=1)
    graph.nodes.append(helper.make_node("Softmax", [x], ["probabilities"], axis=1))

    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    answers = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 1000])
    whole = helper.make_graph(graph.nodes, "efficientnet-lite0", [pixels], [answers], graph.weights)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model
