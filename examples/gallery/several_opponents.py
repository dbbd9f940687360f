"""k responses against l: the value of the game, where both sides choose theirs together."""

import sys

import ualign_env as ua
from ualign_env import plots

values = ua.versus_map("german-goals", 5, 5)
plots.save(plots.versus(values), sys.argv[1])
