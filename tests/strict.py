"""How examples are run: warnings are errors, but for those that old versions of matplotlib raise when imported."""

import sys

import matplotlib as mpl

_OLD = mpl.__version_info__ < (3, 10, 1)  # names that pyparsing deprecates
PYTHON = [sys.executable, "-W", "error", *(["-W", "ignore::DeprecationWarning"] if _OLD else [])]
