"""Tensors of the Open Inference Protocol, and contracts as tensors."""
