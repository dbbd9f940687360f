"""Speed with many prompts: `pytest tests/benchmarks/test_prompts_speed.py --benchmark-enable`.

Targets, two cores: 2,000 prompts of `moving-opinions` (100 users, 32 responses) made in 2 s, their equilibria in 20 s;
4,000 prompts with 200 users scored at k = 4 in 1 s.
"""

import numpy as np
import pytest

from ualign_env import load_scenario, robust_win_rate, solve

MANY = "moving-opinions/prompts:1000/held-out:1000"


def test_making_prompts(benchmark):
    specs = iter(f"{MANY}/seed:{seed}" for seed in range(100))
    benchmark.pedantic(lambda: load_scenario(next(specs)), rounds=3)


def test_equilibria(benchmark):
    scenario = load_scenario("moving-opinions/prompts:2000/held-out:0")
    benchmark.pedantic(solve, (scenario, 4), rounds=1)


@pytest.mark.parametrize("k", [4])
def test_scoring_prompts(benchmark, k):
    scenario = load_scenario("moving-opinions/prompts:4000/held-out:0/users:200")
    policy = np.random.default_rng(0).dirichlet(np.ones(32), 4000)
    benchmark.pedantic(robust_win_rate, (scenario, policy, k), rounds=3, warmup_rounds=1)
