"""The first of the hooks: the site describes the checkout that it lies in, whatever else is installed."""

import os
import sys
from importlib import import_module
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PATHS = [str(_ROOT), str(_ROOT / "agents")]

os.environ["PYTHONPATH"] = os.pathsep.join([*_PATHS, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
sys.path[:0] = _PATHS  # until this hook is loaded: mkdocs puts its own back
for package in ("ualign_env", "ualign_agents"):
    import_module(package)
