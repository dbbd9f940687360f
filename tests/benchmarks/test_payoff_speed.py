"""Speed of exact payoffs: `pytest tests/benchmarks --benchmark-enable`.

Targets, two cores, warm: N = 1000, U = 10,000, k = 10 in at most 0.1 s; linear in U and N, flat in k.
"""

import resource

import numpy as np
import pytest

from ualign_env import LogitUsers, Population, ProbitUsers, deviation_payoffs

N, U, K = 1000, 10_000, 10


def population(n: int, users: int) -> Population:
    return Population.from_scores(np.random.default_rng(0).random((users, n)))


@pytest.fixture(scope="module")
def large() -> Population:
    return population(N, U)


@pytest.mark.parametrize("k", [1, K, 100, 10_000])
def test_flat_in_k(benchmark, large, k):
    policy = np.random.default_rng(1).dirichlet(np.ones(N))
    benchmark.group = f"deviation_payoffs, N = {N}, U = {U}"
    benchmark(deviation_payoffs, large, policy, k)


@pytest.mark.parametrize(("n", "users"), [(N, U // 2), (N // 2, U), (N, U)])
def test_linear_in_users_and_responses(benchmark, n, users):
    benchmark.group = f"deviation_payoffs, k = {K}"
    benchmark(deviation_payoffs, population(n, users), np.full(n, 1 / n), K)


def test_memory_is_a_fraction_of_the_rankings(benchmark, large):
    """Prints, as extra info, by how much the peak memory grows in units of the stored rankings."""
    policy = np.full(N, 1 / N)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.pedantic(deviation_payoffs, (large, policy, K), rounds=3)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    benchmark.extra_info["peak_growth_over_rankings"] = round(grown / large.ranks.nbytes, 3)


def test_pairwise(benchmark, large):
    benchmark.pedantic(large.pairwise, rounds=3)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("k", [1, K, 10_000])
@pytest.mark.parametrize("kind", [LogitUsers, ProbitUsers])
def test_noisy_users_beside_rankings(benchmark, kind, k, temperature):
    """Target: at most six times the rankings' time, which stands in the group `deviation_payoffs, N = ...`."""
    users = kind(np.random.default_rng(0).random((U, N)), temperature)
    policy = np.random.default_rng(1).dirichlet(np.ones(N))
    benchmark.group = f"deviation_payoffs, N = {N}, U = {U}"
    benchmark.pedantic(deviation_payoffs, (users, policy, k), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("temperature", [0.003, 0.006])
def test_noisy_users_whose_utilities_span_hundreds_of_temperatures(benchmark, temperature):
    """Prints, as extra info, nanoseconds a user and response; target about 1,000."""
    users = LogitUsers(np.random.default_rng(0).random((500, 400)), temperature)
    policy = np.random.default_rng(1).dirichlet(np.ones(400))
    benchmark.pedantic(deviation_payoffs, (users, policy, K), rounds=3, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["nanoseconds"] = round(benchmark.stats.stats.min / users.utilities.size * 1e9)
