"""How fast groups of completions are rewarded, beside ordering their scores, which any way of doing it must."""

import numpy as np
import pytest

import ualign_env as ua
from ualign_env.llm import AlignmentReward, KnownResponses

USERS = 100


@pytest.fixture(scope="module", params=[64, 512, 4096])
def scores(request):
    """Returns `[U, G]` scores, a tenth of them tied."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 10 * request.param, (USERS, request.param)).astype(float)


@pytest.mark.benchmark(group="rewards of a group")
def test_rewards(benchmark, scores):
    rewards = benchmark(ua.group_rewards, scores, 8)
    assert rewards.sum() == pytest.approx(scores.shape[1] / 9)


@pytest.mark.benchmark(group="rewards of a group")
def test_ordering_alone(benchmark, scores):
    benchmark(np.argsort, scores, axis=1)


@pytest.mark.benchmark(group="a trainer's batch")
def test_a_batch_of_six_prompts(benchmark):
    scenario = ua.load_scenario("mallows/responses:9/prompts:6")
    judges = KnownResponses(scenario)
    reward, rng = AlignmentReward(judges, 4), np.random.default_rng(0)
    prompts = [prompt for prompt in scenario.prompts for _ in range(16)]
    said = [scenario.populations[i // 16].responses[rng.integers(9)] for i in range(96)]
    assert sum(benchmark(reward, prompts, said)) == pytest.approx(96 / 5)
