"""All policies over three responses at once: robust win rates on Condorcet's cycle; the cross is the equilibrium."""

import sys

import numpy as np
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation

import ualign_env as ua

M, SIZES = 60, (1, 2, 8)
policies = np.array([(i, j, M - i - j) for i in range(M + 1) for j in range(M + 1 - i)]) / M
x, y = policies[:, 1] + policies[:, 2] / 2, policies[:, 2] * np.sqrt(3) / 2

figure = Figure(figsize=(9, 3.2), layout="constrained")
for axes, k in zip(figure.subplots(1, 3), SIZES, strict=True):
    rates = [ua.robust_win_rate("condorcet-1785", policy, k) for policy in policies]
    drawn = axes.tricontourf(Triangulation(x, y), rates, levels=12, cmap="viridis")
    best = ua.solve("condorcet-1785", k).policy[0]
    axes.plot(best[1] + best[2] / 2, best[2] * np.sqrt(3) / 2, "x", color="white", markersize=9, markeredgewidth=2)
    axes.set(title=f"k = {k}, at most {k / (k + 1):.3f}", aspect="equal")
    axes.axis("off")
    for (a, b), name in zip([(0, -0.05), (1, -0.05), (0.5, 0.9)], "abc", strict=True):
        axes.text(a, b, name, ha="center", va="center")
    figure.colorbar(drawn, ax=axes, shrink=0.8, format="%.2f")
figure.savefig(sys.argv[1])
