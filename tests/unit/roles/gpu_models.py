"""Models on GPUs of every kind, as an inventory names them."""

from __future__ import annotations

from typing import Any

BUNDLED = "platform.internal/models/digits"
DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = f"registry.platform.example.com/models/letters@{DIGEST}"
MODELS: dict[str, dict[str, Any]] = {
    "whole": {"image": IMAGE, "version": "1.2.0", "replicas": 2},
    "large": {
        "image": IMAGE, "path": "fp8", "gpus": 4, "context_tokens": 32768, "load_seconds": 5400,
        "shared_memory": "16Gi", "quantization": "fp8", "arguments": ["--max-num-seqs=64"],
        "golden": {"prompt": "Is water wet?", "answer": "Yes", "tokens": 200},
    },
    "deep": {"image": IMAGE, "gpus": 4, "tensor_parallel": 2, "dtype": "bfloat16"},
    "divided": {
        "image": BUNDLED, "gpu_resource": "nvidia.com/mig-1g.18gb", "replicas": 4,
        "node_labels": {"nvidia.com/gpu.product": "NVIDIA-H200-MIG-1g.18gb"},
    },
    "switched": {"image": IMAGE, "gpus": 2, "replicas": 3, "release": "blue_green"},
    "shared": {"image": IMAGE, "gpu_resource": "nvidia.com/gpu.shared", "gpu_memory": 0.2},
}  # fmt: skip
