"""What a KL penalty towards the reference model costs: equilibria of the regularised game, by its temperature."""

import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

TEMPERATURES = np.geomspace(1e-4, 1, 25)

figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.add_subplot()
for k in (1, 2, 4, 8):
    rates = [ua.solve("german-goals", k, temperature=float(t)).robust_win_rate for t in TEMPERATURES]
    axes.plot(TEMPERATURES, k / (k + 1) - np.array(rates), label=f"k = {k}")
axes.set(xscale="log", yscale="log", xlabel="temperature", ylabel="shortfall to k/(k+1)")
axes.legend(frameon=False)
figure.savefig(sys.argv[1])
