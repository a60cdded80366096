"""The Open Inference Protocol, version 2: endpoints as models, inputs and outputs as tensors."""
