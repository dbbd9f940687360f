"""Pictures of games: of one size, one card picked, whatever texts users and players have."""

from typing import Any

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env

from ualign_env import Population, Scenario, registration, ualign_v0, ualign_versus_v0
from ualign_env.envs.frames import frame
from ualign_env.envs.rendering import Shown

BLUE = np.array([0, 0x72, 0xB2])  # of what was picked


def blue(picture: Any) -> int:
    return int((np.abs(picture.astype(int) - BLUE).sum(axis=2) < 30).sum())


def test_a_game_is_drawn_before_and_after_it_was_played():
    env = ualign_v0.parallel_env("german-goals", players=3, render_mode="rgb_array")
    env.reset(seed=4)
    before = env.render()
    env.step({"player_0": 0, "player_1": 2, "player_2": 3})
    after: Any = env.render()
    for picture in (before, after):
        assert isinstance(picture, np.ndarray)
        assert (picture.shape, picture.dtype) == ((400, 640, 3), np.uint8)
    assert blue(before) == 0
    # seed 4 is picked from player_0, in the first third
    assert blue(after[:, :220]) > 500
    assert blue(after[:, 220:]) == 0


def test_chances_are_bars():
    scenario = Scenario([Population.from_rankings([[0, 1], [1, 0]], [0.75, 0.25])])
    shown = Shown(scenario, 0, ["a", "b"], [[0], [1]], [0.75, 0.25], chances=True)
    row = frame(shown)[308:320]  # where the bars are
    left, right = blue(row[:, :320]), blue(row[:, 320:])
    assert left / max(right, 1) == pytest.approx(3, rel=0.1)


def test_texts_of_others_are_drawn_as_they_are():
    names = ["$x^{2", "\x1b[31mred", "long " * 200, "日本 %s {}"]
    scenario = Scenario([Population.from_rankings([[0, 1, 2, 3]], responses=names)], prompts=["$\\frac{"])
    shown = Shown(scenario, 0, ["a", "b", "c", "d"], [[0], [1], [2, 2, 2], [3]], [1, 0, 0, 0], user=0)
    with pytest.warns(UserWarning, match="Glyph"):  # of the font that comes with matplotlib
        assert frame(shown).shape == (400, 640, 3)


def test_of_many_players_the_one_who_was_picked_is_drawn():
    env = ualign_v0.parallel_env("impartial/responses:4/users:9", players=1000, render_mode="rgb_array")
    env.reset(seed=0)
    env.step({agent: i % 4 for i, agent in enumerate(env.possible_agents)})
    assert blue(env.render()) > 500


@pytest.mark.parametrize("one", [one for one in registration.GYMNASIUM if one.single])
def test_gymnasium_checks_pictures(one):
    env = gym.make(one.id, render_mode="rgb_array")
    check_env(env.unwrapped)
    env.reset(seed=0)
    env.step(0)
    assert np.asarray(env.render()).shape == (400, 640, 3)


def test_every_environment_of_pettingzoo_has_pictures():
    if not hasattr(pettingzoo, "make"):
        pytest.skip("PettingZoo before 1.27 has no registry")
    for one in registration.PETTINGZOO:
        env = pettingzoo.make("parallel", one.id, render_mode="rgb_array")
        assert "rgb_array" in env.metadata["render_modes"]
        env.reset(seed=0)
        env.step(dict.fromkeys(env.agents, 0))
        assert np.asarray(env.render()).shape == (400, 640, 3)


def test_several_responses_share_a_card():
    env = ualign_versus_v0.parallel_env("german-goals", 3, 2, feedback="expected", render_mode="rgb_array")
    env.reset(seed=0)
    env.step({"model_0": 5, "opponent_0": 7})
    assert blue(env.render()) > 500
