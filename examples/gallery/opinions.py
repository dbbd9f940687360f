"""Users and responses on a plane: which responses carry the equilibrium, for one sample, for four and for 64."""

import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

rng = np.random.default_rng(3)
users = np.concatenate([rng.normal(centre, 0.35, (200, 2)) for centre in ((-1, 0), (1, 0.2), (0.2, 1.2))])
responses = rng.uniform(-1.6, 1.9, (60, 2))
scores = -((users[:, None] - responses) ** 2).sum(axis=2)
population = ua.Population.from_scores(scores)

figure = Figure(figsize=(9, 3.2), layout="constrained")
for axes, k in zip(figure.subplots(1, 3), (1, 4, 64), strict=True):
    policy = ua.solve(population, k).policy
    axes.scatter(*users.T, s=3, color="0.8")
    axes.scatter(*responses.T, s=8 + 900 * policy, color="#0072b2", alpha=0.7)
    axes.set(title=f"k = {k}: {np.count_nonzero(policy > 1e-6)} shown", xticks=[], yticks=[], aspect="equal")
figure.savefig(sys.argv[1])
