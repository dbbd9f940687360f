"""The equilibria of ever larger games, from the maximal lottery at k = 1 to maximum Nash welfare."""

import sys

import ualign_env as ua
from ualign_env import plots

family = ua.equilibrium_family("german-goals", (1, 2, 4, 8, 16, 32, 64))
plots.save(plots.family(family), sys.argv[1])
