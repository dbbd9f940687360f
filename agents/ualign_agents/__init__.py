"""Agents that compete on the benchmark, one file each; `pyproject.toml` lists them.

`arrays`, `bradley_terry`, `comparisons` and `language` are what several, or examples, have in common.
"""
