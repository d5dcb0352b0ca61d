"""Install and keep a Kubernetes platform for GPU inference on sites without internet."""

__version__ = "0.1.0"
