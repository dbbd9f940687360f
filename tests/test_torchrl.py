"""TorchRL's own checks, on its wrappers of PettingZoo and OpenSpiel."""

import pyspiel
import pytest

from ualign_env import load_game, ualign_v0

pytest.importorskip("torchrl")

# TorchRL warns that it is tested with an older version of PettingZoo, and of what it deprecates itself
pytestmark = pytest.mark.filterwarnings("ignore")

from torchrl.envs import OpenSpielEnv, OpenSpielWrapper, PettingZooWrapper  # noqa: E402
from torchrl.envs.utils import check_env_specs  # noqa: E402


@pytest.mark.parametrize("settings", [{}, {"rounds": 4, "players": 5}, {"feedback": "expected"}], ids=str)
@pytest.mark.parametrize("make", [ualign_v0.parallel_env, ualign_v0.env])
def test_pettingzoo(make, settings):
    check_env_specs(PettingZooWrapper(make(**settings), use_mask=make is ualign_v0.env))


def test_pettingzoo_with_action_masks(unequal_scenario):
    check_env_specs(PettingZooWrapper(ualign_v0.parallel_env(unequal_scenario, rounds=20)))


def test_open_spiel(unequal_scenario):
    check_env_specs(OpenSpielEnv("python_ualign_turn"))
    check_env_specs(OpenSpielWrapper(pyspiel.load_game("python_ualign_turn(players=5)").new_initial_state()))
    check_env_specs(OpenSpielWrapper(load_game(unequal_scenario, turn_based=True).new_initial_state()))
