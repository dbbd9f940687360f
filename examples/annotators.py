"""Annotators who order the answers to several prompts: whom does a policy fail?

The table could be a pandas or polars frame, or a file: `ualign score orders.jsonl --group country --policy nlhf`.
"""

import tempfile
from pathlib import Path

import ualign_env as ua

ORDERS = [
    ("is it fair?", "ann", "north", "A > B = C"),
    ("is it fair?", "bob", "north", "A > C > B"),
    ("is it fair?", "cem", "south", "C > B > A"),
    ("is it fair?", "dee", "north", "A > B > C"),
    ("is it fair?", "eva", "south", "B > C > A"),
    ("is it safe?", "ann", "north", "B > A"),
    ("is it safe?", "bob", "north", "A > B"),
    ("is it safe?", "cem", "south", "B > A"),
]
columns = zip(*ORDERS, strict=True)
table = dict(zip(("prompt", "annotator", "country", "order"), columns, strict=True))
scenario = ua.read_orders(table, user="annotator", group="country")

for name in ("nlhf", "random-dictatorship"):
    card = ua.score(scenario, name, k=2)
    print(f"{name}: {card.robust_win_rate:.4f} of {card.optimal_rate:.4f}, in the limit {card.u_alignment_limit:.4f}")
    for prompt, rates in zip(scenario.prompts, card.group_win_rates, strict=True):
        print(f"  {prompt}", ", ".join(f"{group} {rate:.3f}" for group, rate in rates.items()))

# a file that every command takes, such as `ualign solve fairness.npz`
with tempfile.TemporaryDirectory() as folder:
    scenario.save(Path(folder) / "fairness.npz")
    print(ua.load_scenario(Path(folder) / "fairness.npz") == scenario)
