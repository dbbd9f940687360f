import os

import pytest
from hypothesis import settings

from ualign_env import Population, Scenario, specs

# the first example pays for compilation; CI tries the same examples every time, developers new ones
settings.register_profile("default", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _own_registered_scenarios(monkeypatch):
    """Names that a test gives to scenarios end with it."""
    monkeypatch.setattr(specs, "_REGISTERED", dict(specs._REGISTERED))


@pytest.fixture
def unequal_scenario() -> Scenario:
    """Three prompts with 3, 1 and 2 responses."""
    return Scenario(
        [
            Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 1, 0], [2, 0, 1]], [4, 3, 2, 2]),
            Population.from_scores([[0]]),
            Population.from_rankings([[0, 1], [1, 0]], [3, 2]),
        ],
        probabilities=[0.5, 0.2, 0.3],
    )
