"""PyTorch: modules as `policies`."""
