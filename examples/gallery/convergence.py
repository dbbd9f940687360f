"""How soon algorithms that are not told the answer come to the equilibrium of three samples on german-goals."""

import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

AGENTS, K = ("mirror-descent", "cfr-plus", "psro", "fictitious-play", "regret-matching"), 3

figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.add_subplot()
for name in AGENTS:
    result = ua.run(name, ua.Task("german-goals", K), seconds=1.5)
    axes.plot(result.spending, np.maximum(result.shortfalls, 1e-12), marker=".", label=name)
axes.set(xscale="log", yscale="log", xlabel="seconds of CPU", ylabel="shortfall to k/(k+1)")
axes.legend(frameon=False)
figure.savefig(sys.argv[1])
