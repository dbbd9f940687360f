"""How often the intervals of `sample_curve` contain the rate of a policy that is known, and how wide they are.

For each scenario, policy and number of samples M a row of Markdown: for k = 1, 2, 4, 8 the share of repetitions whose
interval contains the exact rate (0.95 is promised), and the mean width. Prompts are a sample of their own: with several
of them, the rate to be contained is that of the whole family that they were drawn from.

Run: python tests/benchmarks/interval_coverage.py [--repetitions 400]
"""

import argparse
from collections.abc import Iterator

import numpy as np

import ualign_env as ua
from ualign_env.users import Users

SIZES, FAMILY = (1, 2, 4, 8), 400
ONE_PROMPT = ("german-goals", "cycle/responses:20", "impartial/responses:5/users:40", "euclidean/responses:10")
MANY_PROMPTS = ("mallows/responses:6/users:20/phi:0.7", "impartial/responses:5/users:11")


def policies(users: Users) -> dict[str, np.ndarray]:
    """Returns policies of different kinds, by their names."""
    n = users.n_responses
    favourites = users.favourites()
    return {
        "uniform": np.full(n, 1 / n),
        "equilibrium, k = 4": ua.solve(users, 4).policy,
        "favourites": favourites,
        "nearly one response": 0.97 * np.eye(n)[favourites.argmax()] + 0.03 / n,
    }


def one_prompt(spec: str, m: int, repetitions: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields names, `[R, K]` whether intervals contain the rate, and their widths."""
    users = ua.load_scenario(spec).populations[0]
    for name, policy in policies(users).items():
        exact = np.array([ua.robust_win_rate(users, policy, k) for k in SIZES])
        ends = [
            ua.sample_curve(users, np.random.default_rng(r).choice(policy.size, m, p=policy), SIZES, rng=r).intervals
            for r in range(repetitions)
        ]
        low, high = np.moveaxis(np.array(ends), 2, 0)
        yield name, (low <= exact + 1e-9) & (exact <= high + 1e-9), high - low


def many_prompts(spec: str, m: int, prompts: int, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the same for prompts drawn from a large family, each with the policy that says favourites."""
    family = ua.load_scenario(f"{spec}/prompts:{FAMILY}").populations
    said = [users.favourites() for users in family]
    rates = np.array(
        [[ua.robust_win_rate(users, row, k) for k in SIZES] for users, row in zip(family, said, strict=True)]
    )
    covered, widths = [], []
    for r in range(repetitions):
        rng = np.random.default_rng(r)
        drawn = rng.choice(FAMILY, prompts, replace=False)
        samples = [rng.choice(said[x].size, m, p=said[x]) for x in drawn]
        low, high = ua.sample_curve(ua.Scenario([family[x] for x in drawn]), samples, SIZES, rng=r).intervals.T
        covered.append((low <= rates.mean(axis=0)) & (rates.mean(axis=0) <= high))
        widths.append(high - low)
    return np.array(covered), np.array(widths)


def row(name: str, covered: np.ndarray, widths: np.ndarray) -> None:
    """Prints what was found."""
    cells = [f"{share:.3f} ({width:.3f})" for share, width in zip(covered.mean(0), widths.mean(0), strict=True)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Prints all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    repetitions = parser.parse_args().repetitions
    print("| | " + " | ".join(f"k = {k}" for k in SIZES) + " |\n|---|--:|--:|--:|--:|")
    for spec in ONE_PROMPT:
        for m in (16, 64):
            for name, covered, widths in one_prompt(spec, m, repetitions):
                row(f"{spec}, {name}, M = {m}", covered, widths)
    for spec in MANY_PROMPTS:
        for prompts in (4, 30):
            row(f"{spec}, {prompts} prompts, M = 16", *many_prompts(spec, 16, prompts, repetitions))


if __name__ == "__main__":
    main()
