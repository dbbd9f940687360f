"""What each goal wins against two samples of a policy: if one earns more than 1/3, opponents show that.

Equilibria are where nothing earns more than the mean. Real preferences: 2,262 Germans rank four political goals (Barnes
& Kaase 1979, Croon 1989).
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import ualign_env as ua

K, SPEC = 2, "german-goals"
(users,) = ua.load_scenario(SPEC).populations
figure = Figure(figsize=(9, 3.6), layout="constrained")
for axes, name in zip(figure.subplots(1, 3, sharey=True), ("nlhf", "uniform", "equilibrium"), strict=True):
    policy = ua.solve(SPEC, K) if name == "equilibrium" else name
    shown = ua.tabulate(SPEC, policy, K).average()[0]
    places = np.arange(len(shown))
    axes.barh(places - 0.2, ua.deviation_payoffs(SPEC, policy, K)[0], 0.4, label="wins against two samples")
    axes.barh(places + 0.2, shown, 0.4, color="0.8", label="is shown by the policy")
    axes.axvline(1 / (K + 1), color="black", linestyle=":", label="what samples win themselves, 1/3")
    axes.set(title=f"{name}\nrobust win rate {ua.robust_win_rate(SPEC, policy, K):.3f}", xlim=(0, 1))
    axes.set_yticks(places, users.responses or places)
handles, labels = figure.axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
figure.savefig(sys.argv[1])
