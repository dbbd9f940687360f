"""Learns on some prompts and is scored on others: what learners make of features, exactly, without a single game.

Every line learns from the training prompts of `moving-opinions` alone. The optimum is k/(k+1) on every prompt; one
policy for all prompts is what a learner has that has understood nothing, and how far it has come from there to the
optimum is the last column. NLHF is given the users of the held-out prompts themselves, and the k = 1 equilibria.

Run: pip install '.[torch]' && python examples/generalisation.py [SPEC STEPS PICTURE]
"""

import sys
from itertools import islice

import torch

import ualign_env as ua
from ualign_agents.distillation import distillation
from ualign_agents.exploitability_descent import exploitability_descent
from ualign_agents.neighbours import nearest_neighbours, prompt_blind
from ualign_agents.network_policy_gradient import network_policy_gradient
from ualign_env import plots

SPEC, STEPS, PICTURE = (*sys.argv[1:], *["moving-opinions/prompts:200/turn:0.5/users:40", "4", ""][len(sys.argv) - 1 :])
K, STEPS = 4, int(STEPS)
LEARNERS = {
    "prompt-blind": (prompt_blind, 300),
    "nearest neighbours": (nearest_neighbours, 1),
    "distillation": (distillation, STEPS),
    "exploitability descent": (exploitability_descent, STEPS),
    "policy gradient, picks": (network_policy_gradient, 25 * STEPS),
}

torch.set_num_threads(1)
scenario = ua.load_scenario(SPEC)
held_out = scenario.held_out or scenario
policies = {}
for name, (agent, steps) in LEARNERS.items():
    picks = agent is network_policy_gradient
    task = ua.Task(scenario, K).for_agents("picks" if picks else "exact")
    policies[name] = list(islice(agent(task), steps))[-1]

print(f"{scenario.name}, k = {K}, optimum {K / (K + 1):.3f}")
print(f"{'':24}{'train':>8}{'held out':>10}{'gap':>8}{'of the way':>12}")
blind = ua.robust_win_rate(held_out, policies["prompt-blind"], K)
for name, policy in {**policies, "NLHF of each prompt": "nlhf"}.items():
    train, held = (ua.robust_win_rate(part, policy, K) for part in (scenario, held_out))
    way = (held - blind) / (K / (K + 1) - blind)
    print(f"{name:24}{train:8.4f}{held:10.4f}{train - held:8.4f}{way:12.1%}")
if PICTURE:
    curve = ua.win_rate_curve(held_out, (1, 2, 4, 8, 16), policies=policies)
    plots.curve(curve).savefig(PICTURE)
