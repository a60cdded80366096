"""What the protocol tells of a model: its tensors, its configuration, as documents.

Source: Open Inference Protocol, inference_rest.md ("Model Metadata"); Triton's extension "Model Configuration".
"""

from typing import Any

from headworks.contract.tensors.signature import Signature, TensorSpec, signature_of
from headworks.values import Endpoint

PLATFORM = "headworks"
EXTENSIONS = ("binary_tensor_data", "model_repository", "model_configuration")
STATISTICS = "statistics"
_CONFIG_TYPES = {"BYTES": "TYPE_STRING"}


def model_metadata(endpoint: Endpoint, versions: list[int]) -> dict[str, Any]:
    """Names, types and shapes of a version's tensors; -1 is any size."""
    signature = signature_of(endpoint.contract)
    return {
        "name": endpoint.name,
        "versions": [str(version) for version in versions],
        "platform": PLATFORM,
        "inputs": [_described(spec, signature) for spec in signature.inputs],
        "outputs": [_described(spec, signature) for spec in signature.outputs],
    }


def model_config(endpoint: Endpoint, most_rows: int) -> dict[str, Any]:
    """The same in the words of a model configuration; `dims` are of one row where rows are batched."""
    signature = signature_of(endpoint.contract)
    return {
        "name": endpoint.name,
        "platform": PLATFORM,
        "backend": PLATFORM,
        "max_batch_size": most_rows if signature.is_batch else 0,
        "input": [_configured(spec) for spec in signature.inputs],
        "output": [_configured(spec) for spec in signature.outputs],
        **({"dynamic_batching": {}} if signature.is_batch else {}),
    }


def _described(spec: TensorSpec, signature: Signature) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(signature.shape_of(spec))}


def _configured(spec: TensorSpec) -> dict[str, Any]:
    data_type = _CONFIG_TYPES.get(spec.datatype, f"TYPE_{spec.datatype}")
    return {"name": spec.name, "data_type": data_type, "dims": list(spec.shape)}
