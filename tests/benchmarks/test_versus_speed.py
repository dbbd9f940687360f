"""k responses against l: best responses and equilibria.

`pytest tests/benchmarks/test_versus_speed.py --benchmark-enable`. Targets, in seconds: the linear program of 10
responses, k = l = 3, 0.5; double oracle with 30 responses, k = 3, l = 2, 1,000 users to a gap of 1e-6, 60; the exact
best pair of 200 responses against 5,000 users, 2; the greedy best 8 of 1,000 responses against 10,000 users, 2.
"""

import numpy as np
import pytest

from ualign_env import best_responses, load_scenario, solve_versus


def population(responses, users):
    return load_scenario(f"impartial/responses:{responses}/users:{users}").populations[0]


@pytest.mark.parametrize(
    ("responses", "users", "k", "l", "method"),
    [(10, 100, 3, 3, "linear-program"), (10, 100, 3, 3, "double-oracle"), (30, 1000, 3, 2, "double-oracle")],
)
def test_equilibria(benchmark, responses, users, k, l, method):
    benchmark.group = f"equilibrium of {k} against {l}, {responses} responses, {users} users"
    found = benchmark(solve_versus, population(responses, users), k, l, method=method)
    assert found.certificate < 1e-6


@pytest.mark.parametrize(
    ("responses", "users", "l", "method"),
    [(200, 5_000, 2, "enumeration"), (200, 5_000, 2, "greedy"), (1_000, 10_000, 8, "greedy"), (20, 50, 5, "milp")],
)
@pytest.mark.parametrize("k", [3, 64])
def test_best_responses(benchmark, responses, users, k, l, method):
    benchmark.group = f"best {l} of {responses} responses, {users} users, against {k} samples"
    policy = np.full(responses, 1 / responses)
    found = benchmark(best_responses, population(responses, users), policy, k, l, method)
    assert found.value <= found.upper_bound
