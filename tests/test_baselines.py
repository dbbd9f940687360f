import numpy as np
import pytest

from ualign_env import Population, Scenario
from ualign_env.solvers.baselines import BASELINES, baseline

# plurality elects 0, Borda and the maximal lottery 1; the second prompt has two responses
SCENARIO = Scenario(
    [Population.from_rankings([[0, 1, 2], [1, 0, 2], [2, 1, 0]], [4, 3, 2]), Population.from_rankings([[1, 0]])]
)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("uniform", [1 / 3, 1 / 3, 1 / 3]),
        ("random-dictatorship", [4 / 9, 3 / 9, 2 / 9]),
        ("borda", [0, 1, 0]),
        ("plurality", [1, 0, 0]),
        ("nash-welfare", [4 / 9, 3 / 9, 2 / 9]),
        ("nlhf", [0, 1, 0]),
    ],
)
def test_policies(name, first):
    second = [0.5, 0.5, 0] if name == "uniform" else [0, 1, 0]
    np.testing.assert_allclose(baseline(SCENARIO, name), [first, second], atol=1e-9)


def test_names():
    assert list(BASELINES) == ["nlhf", "borda", "plurality", "random-dictatorship", "nash-welfare", "uniform"]
    with pytest.raises(ValueError, match="unknown policy 'bord'; did you mean 'borda'"):
        baseline(SCENARIO, "bord")
