"""Agents that compete on the benchmark, one file each; `pyproject.toml` lists them.

`arrays`, `bradley_terry` and `comparisons` are what several have in common.
"""
