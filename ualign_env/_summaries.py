"""What the source of a function says, without importing it: nothing is imported but packages around its module."""

import ast
import importlib.util
from functools import cache
from pathlib import Path


def first_line(entry: str) -> str:
    """Returns the first docstring line of `module:function`; nothing where no source says it.

    Source files, not objects: modules may be slow to import, or broken, and Python's option -OO drops docstrings.
    """
    node = function_source(entry)
    return "" if node is None else (ast.get_docstring(node) or "").split("\n")[0]


def function_source(entry: str) -> ast.FunctionDef | ast.ClassDef | None:
    """Returns the source of `module:function` or `FILE.py:function`; None where there is none."""
    place, _, name = entry.rpartition(":")
    return next((node for node in _functions(place) if node.name == name), None)


@cache
def _functions(place: str) -> list[ast.FunctionDef | ast.ClassDef]:
    """Returns the functions and classes of a module."""
    try:
        if place.endswith(".py"):
            source = Path(place).read_text(encoding="utf-8")
        else:
            spec = importlib.util.find_spec(place)
            source = spec.loader.get_source(place) if spec and spec.loader else None  # pyright: ignore[reportAttributeAccessIssue]
        tree = ast.parse(source or "")
    except Exception:  # whatever a foreign package raises when it is looked for
        return []
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
