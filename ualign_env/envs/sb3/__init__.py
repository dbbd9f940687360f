"""Stable-Baselines3: the native vector environments as its `vec_env`, and models as `policies`."""
