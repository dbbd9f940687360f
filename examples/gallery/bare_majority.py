"""NLHF shows a bare majority its favourite and nobody else theirs: its win rate is the majority, up to k/(k+1)."""

import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

K, SHARES = 4, np.linspace(0.5, 1, 51)
rates = {name: [] for name in ("nlhf", "random-dictatorship", "equilibrium")}
for share in SHARES:
    users = ua.Population.from_rankings([[0, 1], [1, 0]], [share, 1 - share])
    for name, own in rates.items():
        policy = ua.solve(users, K) if name == "equilibrium" else name
        own.append(ua.robust_win_rate(users, policy, K))

figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.add_subplot()
for name, own in rates.items():
    axes.plot(SHARES, own, label=name)
axes.axhline(K / (K + 1), color="black", linestyle=":", label="k/(k+1)")
axes.set(xlabel="share of users who like response 0 best", ylabel="robust win rate at k = 4", ylim=(0, 1))
axes.legend(frameon=False)
figure.savefig(sys.argv[1])
