"""Agents that compete on the benchmark, one file each; `pyproject.toml` lists them."""
