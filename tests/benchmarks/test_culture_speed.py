"""Speed of the statistical cultures: `pytest tests/benchmarks/test_culture_speed.py --benchmark-enable`.

Targets, two cores: 100,000 users x 50 responses in at most 2 s, the population's construction included; a Mallows
model of 20,000 responses in less than a second.
"""

import pytest

from ualign_env.sources import cultures, domains, mallows

CULTURES = {
    "impartial": (cultures.impartial, {}),
    "mallows": (mallows.mallows, {}),
    "mallows, swaps": (mallows.mallows, {"swaps": (0.2,)}),
    "plackett-luce": (cultures.plackett_luce, {}),
    "urn": (cultures.urn, {}),
    "urn, hardly a copy": (cultures.urn, {"alpha": 1e-9}),
    "camps": (cultures.camps, {}),
    "euclidean, cube": (cultures.euclidean, {}),
    "euclidean, ball": (cultures.euclidean, {"space": "ball"}),
    "euclidean, gaussian": (cultures.euclidean, {"space": "gaussian"}),
    "single-peaked, walsh": (domains.single_peaked, {}),
    "single-peaked, conitzer": (domains.single_peaked, {"model": "conitzer"}),
    "group-separable, balanced": (domains.group_separable, {}),
    "group-separable, caterpillar": (domains.group_separable, {"tree": "caterpillar"}),
}


@pytest.mark.parametrize("name", CULTURES)
def test_draw(benchmark, name):
    source, options = CULTURES[name]
    sizes = {"niche": 20, "core": 5} if name == "camps" else {"responses": 50}
    benchmark.group = "100,000 users x 50 responses"
    benchmark.pedantic(source, kwargs={**sizes, "users": 100_000, **options}, rounds=3)


@pytest.mark.parametrize("responses", [2_000, 20_000, 200_000])
def test_mallows_of_many_responses(benchmark, responses):
    benchmark.group = "Mallows model of 3 users"
    benchmark.pedantic(mallows.mallows, kwargs={"responses": responses, "users": 3}, rounds=3)
