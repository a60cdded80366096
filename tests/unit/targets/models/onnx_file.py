"""Tiny ONNX files, written as protocol buffers by hand. Source: onnx.proto3, IR version 8."""

FLOAT, INT64, STRING = 1, 7, 8


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number, value):
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def value_info(name, element, shape):
    """An input or output; a dimension given as text is open."""
    dims = b"".join(_field(1, _field(2, d) if isinstance(d, str) else _field(1, d)) for d in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, element) + _field(2, dims)))


def sequence_info(name, element):
    """An input or output that is a sequence of tensors."""
    return _field(1, name) + _field(2, _field(4, _field(1, _field(1, _field(1, element)))))


def node(operation, inputs, outputs):
    return b"".join([*(_field(1, i) for i in inputs), *(_field(2, o) for o in outputs), _field(4, operation)])


def model(nodes, inputs, outputs):
    """The bytes of a model, opset 17."""
    graph = b"".join(
        [
            *(_field(1, n) for n in nodes),
            _field(2, "g"),
            *(_field(11, i) for i in inputs),
            *(_field(12, o) for o in outputs),
        ]
    )
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 17))
