"""The first line of a function's docstring, read from its source: nothing is imported but packages around it."""

import ast
import importlib.util
from functools import cache


@cache
def first_line(entry: str) -> str:
    """Returns the first docstring line of `module:function`; nothing where no source says it.

    Source files, not objects: modules may be slow to import, or broken, and Python's option -OO drops docstrings.
    """
    module, _, attribute = entry.partition(":")
    try:
        spec = importlib.util.find_spec(module)
        source = spec.loader.get_source(module) if spec and spec.loader else None  # pyright: ignore[reportAttributeAccessIssue]
        tree = ast.parse(source or "")
    except Exception:  # whatever a foreign package raises when it is looked for
        return ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == attribute:
            return (ast.get_docstring(node) or "").split("\n")[0]
    return ""
