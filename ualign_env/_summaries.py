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
    """Returns the source of `module:function`; None where there is none."""
    module, _, name = entry.rpartition(":")
    return _functions(module).get(name)


def functions_in(source: str | bytes, where: str = "source") -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """Returns the functions and classes of a source, by name; raises what `ast.parse` does."""
    tree = ast.parse(source, where)
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def module_path(module: str) -> Path | None:
    """Returns the file of a module; None where there is none."""
    try:
        spec = importlib.util.find_spec(module)
    except Exception:  # whatever a foreign package raises when it is looked for
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


@cache
def _functions(module: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    try:
        spec = importlib.util.find_spec(module)
        source = spec.loader.get_source(module) if spec and spec.loader else None  # pyright: ignore[reportAttributeAccessIssue]
        return functions_in(source or "")
    except Exception:  # whatever a foreign package raises when it is looked for
        return {}
