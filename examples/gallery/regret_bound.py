"""A certificate of learning: on Condorcet's cycle, the mixture of the iterates stays below its regret bound.

The last iterate has no such bound: at k = 1 it circles away from the equilibrium.
"""

import sys

from matplotlib.figure import Figure

import ualign_env as ua

found = ua.mirror_descent("condorcet-1785", 1, steps=3000, step=0.1)
figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.add_subplot()
axes.plot(found.steps, found.regret_bound, color="black", linestyle=":", label="regret bound")
axes.plot(found.steps, found.mixture_exploitability, label="mixture of the iterates")
axes.plot(found.steps, found.last_exploitability, label="last iterate")
axes.set(xscale="log", yscale="log", xlabel="steps of mirror descent", ylabel="exploitability at k = 1")
axes.legend(frameon=False)
figure.savefig(sys.argv[1])
