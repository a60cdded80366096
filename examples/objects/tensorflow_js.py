"""Turns a TensorFlow.js graph model into ONNX: the operators that MobileNetV3-CenterNet has, and no others.

Source: the ONNX operators of opset 18; TensorFlow's raw operators. Pictures stay in TensorFlow's order, channels last: each
convolution stands between two transpositions, most of which onnxruntime takes out again.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
TO_THE_END = np.iinfo(np.int64).max
PADDING = {"SAME": "SAME_UPPER", "VALID": "VALID"}
STORED = {"float16": "<f2", "float32": "<f4", "int32": "<i4"}
"""How a number lies in the file of weights; what is stored in two bytes is used in four."""


class Node(NamedTuple):
    """One operator of the TensorFlow graph."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def number(self, name: str) -> int:
        return int(self.attributes.get(name, {}).get("i", 0))

    def numbers(self, name: str) -> list[int]:
        return [int(value) for value in self.attributes[name]["list"]["i"]]

    def flag(self, name: str) -> bool:
        return bool(self.attributes.get(name, {}).get("b"))

    def text(self, name: str) -> str:
        return base64.b64decode(self.attributes[name]["s"]).decode()

    def texts(self, name: str) -> list[str]:
        return [
            base64.b64decode(value).decode() for value in self.attributes.get(name, {}).get("list", {}).get("s", [])
        ]


class Graph:
    """ONNX nodes in the order in which they are added, and the weights they use."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, makes: str | tuple[str, ...] = "", **attributes: Any) -> str:
        """Add a node and return the name of its (first) output."""
        outputs = [makes or f"{operator.lower()}_{len(self.nodes)}"] if isinstance(makes, str) else list(makes)
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, **attributes))
        return outputs[0]

    def constant(self, value: Array, name: str = "") -> str:
        name = name or f"constant_{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def value(self, name: str) -> str:
        """What an input is called here: the output of a node, or a weight, which becomes a constant when it is first used."""
        name = name.removesuffix(":0")
        if name in self.weights and name not in self.constants:
            self.constant(self.weights[name], name)
        return name

    def known(self, name: str) -> list[int]:
        """The numbers of an input that is a weight: axes, sizes, places."""
        return [int(number) for number in self.weights[name].reshape(-1)]

    def channels_first(self, name: str) -> str:
        return self.add("Transpose", self.value(name), perm=TO_CHANNELS_FIRST)


def add_convolution(graph: Graph, node: Node) -> None:
    """A convolution, of every channel or of each on its own, with the bias and activation that are fused into it."""
    kernel = graph.weights[node.inputs[1]]
    groups = kernel.shape[2] if "Depthwise" in node.operator else 1
    # From height, width, in, out. Depthwise there means in, times out each; here groups of one in each.
    kernel = kernel.reshape(*kernel.shape[:2], kernel.shape[2] // groups, -1).transpose(3, 2, 0, 1)
    inputs = [graph.channels_first(node.inputs[0]), graph.constant(kernel)]
    fused = node.texts("fused_ops")
    if "BiasAdd" in fused:
        inputs.append(graph.constant(graph.weights[node.inputs[2]].reshape(-1)))
    padding = PADDING[node.text("padding")]
    result = graph.add("Conv", *inputs, strides=node.numbers("strides")[1:3], auto_pad=padding, group=groups)
    for activation in fused:
        if activation != "BiasAdd":
            result = graph.add(activation, result)  # Relu; onnx refuses a name it does not know
    graph.add("Transpose", result, makes=node.name, perm=TO_CHANNELS_LAST)


def add_max_pool(graph: Graph, node: Node) -> None:
    result = graph.add(
        "MaxPool", graph.channels_first(node.inputs[0]), kernel_shape=node.numbers("ksize")[1:3],
        strides=node.numbers("strides")[1:3], auto_pad=PADDING[node.text("padding")],
    )  # fmt: skip
    graph.add("Transpose", result, makes=node.name, perm=TO_CHANNELS_LAST)


def add_resize(graph: Graph, node: Node) -> None:
    way = "half_pixel" if node.flag("half_pixel_centers") else "asymmetric"
    sizes = graph.constant(np.array(graph.known(node.inputs[1]), np.int64))
    result = graph.add(
        "Resize", graph.channels_first(node.inputs[0]), "", "", sizes, axes=[2, 3], mode="linear",
        coordinate_transformation_mode=way,
    )  # fmt: skip
    graph.add("Transpose", result, makes=node.name, perm=TO_CHANNELS_LAST)


def add_relu6(graph: Graph, node: Node) -> None:
    lowest, highest = (graph.constant(np.array(value, np.float32)) for value in (0, 6))
    graph.add("Clip", graph.value(node.inputs[0]), lowest, highest, makes=node.name)


def add_mean(graph: Graph, node: Node) -> None:
    axes = graph.constant(np.array(graph.known(node.inputs[1]), np.int64))
    graph.add("ReduceMean", graph.value(node.inputs[0]), axes, makes=node.name, keepdims=int(node.flag("keep_dims")))


def add_join(graph: Graph, node: Node) -> None:
    *parts, axis = node.inputs
    graph.add("Concat", *map(graph.value, parts), makes=node.name, axis=graph.known(axis)[0])


def add_cast(graph: Graph, node: Node) -> None:
    whole = node.attributes["DstT"]["type"] != "DT_FLOAT"
    graph.add(
        "Cast", graph.value(node.inputs[0]), makes=node.name, to=TensorProto.INT64 if whole else TensorProto.FLOAT
    )


def add_best(graph: Graph, node: Node) -> None:
    how_many = graph.constant(np.array(graph.known(node.inputs[1]), np.int64))
    graph.add("TopK", graph.value(node.inputs[0]), how_many, makes=(node.name, f"{node.name}:1"), axis=-1)


def add_gather(graph: Graph, node: Node) -> None:
    values, places, axis = node.inputs
    graph.add("Gather", graph.value(values), graph.value(places), makes=node.name, axis=graph.known(axis)[0])


def add_slice(graph: Graph, node: Node) -> None:
    starts, ends, steps = (graph.known(name) for name in node.inputs[1:4])
    first, last = node.number("begin_mask"), node.number("end_mask")
    starts = [0 if first >> axis & 1 else start for axis, start in enumerate(starts)]
    ends = [TO_THE_END if last >> axis & 1 else end for axis, end in enumerate(ends)]
    where = [graph.constant(np.array(values, np.int64)) for values in (starts, ends, range(len(starts)), steps)]
    graph.add("Slice", graph.value(node.inputs[0]), *where, makes=node.name)


def as_it_is(operator: str) -> Callable[[Graph, Node], None]:
    """An operator that both know, under ONNX' name."""

    def add(graph: Graph, node: Node) -> None:
        graph.add(operator, *map(graph.value, node.inputs), makes=node.name)

    return add


OPERATORS: dict[str, Callable[[Graph, Node], None]] = {
    **dict.fromkeys(("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"), add_convolution),
    **{name: as_it_is(name) for name in ("Add", "Equal", "Identity", "Mul", "Relu", "Reshape", "Sigmoid", "Sub")},
    "Cast": add_cast,
    "ConcatV2": add_join,
    "ExpandDims": as_it_is("Unsqueeze"),
    "FloorDiv": as_it_is("Div"),  # of places in a map: whole numbers from 0
    "FloorMod": as_it_is("Mod"),
    "GatherV2": add_gather,
    "MaxPool": add_max_pool,
    "Mean": add_mean,
    "Relu6": add_relu6,
    "ResizeBilinear": add_resize,
    "StridedSlice": add_slice,
    "TopKV2": add_best,
}


def read_weights(manifest: list[dict[str, Any]], folder: Path) -> dict[str, Array]:
    """Every weight by its name.

    Raises: ValueError if the files are longer or shorter than what the manifest lists.
    """
    read: dict[str, Array] = {}
    for group in manifest:
        stored, offset = b"".join((folder / path).read_bytes() for path in group["paths"]), 0
        for weight in group["weights"]:
            kind = STORED[weight.get("quantization", weight)["dtype"]]
            count = int(np.prod(weight["shape"]))
            value = np.frombuffer(stored, kind, count, offset).reshape(weight["shape"])
            read[weight["name"]] = value.astype(np.float32 if weight["dtype"] == "float32" else np.int64)
            offset += value.nbytes
        if offset != len(stored):
            raise ValueError(f"{len(stored) - offset} bytes of weights are left over")
    return read


def before(nodes: Mapping[str, Node], output: str) -> Iterator[Node]:
    """The nodes that an output needs, each after those it needs itself."""
    seen: set[str] = set()
    waiting = [(output, False)]
    while waiting:
        name, is_ready = waiting.pop()
        if is_ready:
            yield nodes[name]
        elif name not in seen:
            seen.add(name)
            waiting += [(name, True), *((wanted.split(":")[0], False) for wanted in nodes[name].inputs)]


def described(value: Mapping[str, Any]) -> onnx.ValueInfoProto:
    """An input or output as the model's signature describes it."""
    shape = [int(side["size"]) for side in value["tensorShape"]["dim"]]
    return helper.make_tensor_value_info(value["name"], TensorProto.FLOAT, shape)


def to_onnx(model_file: Path, output: str) -> onnx.ModelProto:
    """The part of a graph model that makes one output.

    Raises: KeyError on an operator that is not in the table.
    """
    packaged = json.loads(model_file.read_text())
    graph = Graph(read_weights(packaged["weightsManifest"], model_file.parent))
    nodes = {
        node["name"]: Node(node["name"], node["op"], tuple(node.get("input", ())), node.get("attr", {}))
        for node in packaged["modelTopology"]["node"]
    }
    for node in before(nodes, output):
        if node.operator not in ("Const", "Placeholder"):
            OPERATORS[node.operator](graph, node)

    (source,) = packaged["signature"]["inputs"].values()
    entering, leaving = (described(value) for value in (source, packaged["signature"]["outputs"][output]))
    whole = helper.make_graph(graph.nodes, model_file.stem, [entering], [leaving], list(graph.constants.values()))
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model
