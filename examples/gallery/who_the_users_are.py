"""What is in Condorcet's 60 votes of 1785: majorities in a cycle, favourites, and how far simple policies come."""

import sys

import ualign_env as ua
from ualign_env import plots

inspection = ua.inspect_scenario("condorcet-1785")
plots.save(plots.inspection(inspection), sys.argv[1])
