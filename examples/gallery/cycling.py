"""Self-play on Condorcet's cycle: at k = 1 its last iterate circles for ever, with more samples it comes to rest."""

import sys
from itertools import islice

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

figure = Figure(figsize=(9, 3.2), layout="constrained")
for axes, (k, steps) in zip(figure.subplots(1, 3), ((1, 600), (2, 600), (8, 600)), strict=True):
    start = ua.self_play("condorcet-1785", k, step=0.5)
    path = np.array([iterate.policy[0] for iterate in islice(start, steps)])
    x, y = path[:, 1] + path[:, 2] / 2, path[:, 2] * np.sqrt(3) / 2
    axes.plot([0, 1, 0.5, 0], [0, 0, np.sqrt(3) / 2, 0], color="0.7")
    axes.plot(x, y, linewidth=0.8)
    axes.plot(x[-1], y[-1], "o", color="black", markersize=4)
    axes.set(title=f"k = {k}", aspect="equal")
    axes.axis("off")
figure.savefig(sys.argv[1])
