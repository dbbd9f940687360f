"""What noise does to a model that always says the same: moods for responses punish it, moods for slots reward it."""

import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

UTILITIES, SHARES, K = [[1, 0.5, 0], [0, 1, 0.25], [0.3, 0, 1]], [0.5, 0.3, 0.2], 16
TEMPERATURES = np.geomspace(0.02, 4, 24)

figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.add_subplot()
for noise, style in (("response", "-"), ("slot", "--")):
    crowds = [ua.noisy_users(UTILITIES, t, SHARES, noise=noise, samples=4000) for t in TEMPERATURES]
    axes.plot(
        TEMPERATURES, [ua.robust_win_rate(users, [1, 0, 0], K) for users in crowds], style, label=f"{noise} noise"
    )
axes.axhline(K / (K + 1), color="black", linestyle=":", label="k/(k+1)")
axes.set(xscale="log", xlabel="temperature", ylabel=f"robust win rate of one response, {K} times", ylim=(0, 1))
axes.legend(frameon=False)
figure.savefig(sys.argv[1])
