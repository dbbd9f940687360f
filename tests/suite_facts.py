"""Writes what is known exactly of each scenario into the suites that come with the package.

Run: python tests/suite_facts.py
"""

import re
from pathlib import Path

import ualign_env
from ualign_env import Scenario, load_scenario, robust_win_rate, solve_versus
from ualign_env.benchmark.reporting.unseen import TOLD

SUITES = Path(ualign_env.__file__).parent / "benchmark" / "suites"
POLICIES = ("nlhf", "borda", "random-dictatorship", "uniform")


def facts(scenario: Scenario, ks: list[int], ls: list[int]) -> list[str]:
    """Returns lines in TOML: what the scenario is, robust win rates for each k, and values of the games of k and l."""
    users = [one.n_users for one in scenario.populations]
    lines = [
        f'digest = "{scenario.digest}"',
        f"prompts = {scenario.n_prompts}",
        f"responses = {scenario.n_responses}",
        f"users = {sum(users)}",
    ]
    parts = {"": scenario, TOLD: scenario.held_out}
    for prefix, part in parts.items():
        for name in POLICIES if part else ():
            rates = ", ".join(f"{robust_win_rate(part, name, k):.9f}" for k in ks)
            lines.append(f"{prefix}{name} = [{rates}]")
    if ls != [1]:
        for l in ls:
            values = ", ".join(f"{value(scenario, k, l):.9f}" for k in ks)
            lines.append(f"value-against-{l} = [{values}]")
    return lines


def value(scenario: Scenario, k: int, l: int) -> float:
    """Returns the value of the game of k against l."""
    values = [solve_versus(scenario, k, l, tolerance=1e-9, prompt=x).value for x in range(scenario.n_prompts)]
    return float(scenario.probabilities @ values)


def with_facts(text: str) -> str:
    """Returns a suite with the facts of its scenarios in place of those that it has."""
    head, *tasks = re.split(r"(?=^\[\[task\]\]$)", text, flags=re.MULTILINE)
    done = [head]
    for task in tasks:
        own = task.split("[task.facts]")[0].rstrip()
        spec = re.search(r'^scenario = "(.*)"$', own, re.MULTILINE)
        assert spec
        ks, ls = (
            [int(number) for number in found.group(1).split(",")] if found else [1]
            for found in (re.search(rf"^{name} = \[(.*)\]$", own, re.MULTILINE) for name in "kl")
        )
        lines = [] if "{seed}" in spec.group(1) else ["", "[task.facts]", *facts(load_scenario(spec.group(1)), ks, ls)]
        done.append("\n".join([own, *lines]) + "\n\n")
    return "".join(done).rstrip() + "\n"


if __name__ == "__main__":
    for path in sorted(SUITES.glob("*.toml")):
        path.write_text(with_facts(path.read_text(encoding="utf-8")), encoding="utf-8")
