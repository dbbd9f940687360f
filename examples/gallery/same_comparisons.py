"""Two populations that answer every comparison of two alike, and what the uniform policy wins on each."""

import itertools
import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

SIZES = np.arange(1, 17)
populations = {
    "all six rankings of three responses": list(itertools.permutations(range(3))),
    "two opposite rankings": [[0, 1, 2], [2, 1, 0]],
}
figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.add_subplot()
for name, rankings in populations.items():
    users = ua.Population.from_rankings(rankings)
    rates = [ua.robust_win_rate(users, "uniform", int(k)) for k in SIZES]
    axes.plot(SIZES, rates, marker="o", markersize=4, label=name)
axes.plot(SIZES, SIZES / (SIZES + 1), color="black", linestyle=":", label="k/(k+1)")
axes.set(xlabel="k, samples of the uniform policy", ylabel="robust win rate", ylim=(0.45, 1))
axes.legend(frameon=False)
figure.savefig(sys.argv[1])
