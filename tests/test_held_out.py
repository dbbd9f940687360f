"""Runs on prompts of which some are held out: what counts is what was learned of these, and nothing of them leaks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import ualign_env as ua
from ualign_env.benchmark.running import unseen

SPEC = "moving-opinions/prompts:30/held-out:20/users:20/responses:6/features:4/nuisance:0"
SCENARIO = ua.load_scenario(SPEC)
HELD_OUT = SCENARIO.held_out or SCENARIO


def test_what_counts_is_learned_of_prompts_held_out():
    result = ua.run("nearest-neighbours", ua.Task(SCENARIO, 3), steps=1)
    assert (result.status, result.error) == ("learned", None)
    assert result.held_out is not None
    assert result.scorecard is not None
    (look,) = result.trace
    assert result.scorecard["robust_win_rate"] == pytest.approx(0.75 - (look.trained or 0))
    assert result.held_out["robust_win_rate"] == pytest.approx(0.75 - look.shortfall)
    assert look.trained is not None
    assert look.shortfall > look.trained + 0.02
    assert result.shortfall == look.shortfall
    assert "on prompts held out" in result.summary()
    again = ua.RunResult.from_dict(result.to_dict())
    assert (again.held_out, again.trace) == (result.held_out, result.trace)
    old = {name: value for name, value in result.to_dict().items() if name != "held_out"}
    columns = old["trace"]["columns"][:-1]
    old["trace"] = {"columns": columns, "rows": [row[:-1] for row in old["trace"]["rows"]]}
    assert ua.RunResult.from_dict(old).trace[0].trained is None


def test_what_is_learned_of_prompts_by_number_wins_nothing_on_others():
    """As many prompts are held out as are learned on, so that rows would fit."""
    scenario = ua.load_scenario(SPEC.replace("held-out:20", "held-out:30"))
    result = ua.run("solve", ua.Task(scenario, 3), steps=1)
    assert (result.status, result.held_out, result.shortfall) == ("learned", None, 0.75)
    assert "what it learned is of the prompts it was given" in str(result.advice)
    assert ua.run("nearest-neighbours", ua.Task(scenario, 3), steps=1).advice is None
    assert result.scorecard is not None
    assert result.scorecard["robust_win_rate"] == pytest.approx(0.75, abs=1e-9)


def test_each_look_is_asked_about_what_was_known_then():
    torch = pytest.importorskip("torch")

    def learner(task: ua.Task) -> Iterator[Any]:
        """Is better at every step, in place."""
        module = torch.nn.Linear(4, 6)
        torch.nn.init.zeros_(module.weight)
        torch.nn.init.zeros_(module.bias)
        best = ua.solve(task.scenario.part([0]), task.k).policy[0] + 1e-3
        for _ in range(4):
            module.bias.data += 0.25 * torch.as_tensor(np.log(best), dtype=torch.float32)
            yield module

    result = ua.run(learner, ua.Task(SCENARIO, 3), steps=4)
    assert result.error is None
    shortfalls = [look.shortfall for look in result.trace]
    assert len(set(np.round(shortfalls, 6))) == len(shortfalls) > 2


def test_models_of_stable_baselines_are_asked_about_prompts_that_they_have_not_seen():
    pytest.importorskip("sb3_contrib")
    result = ua.run("ppo", ua.Task(SCENARIO, 2), plays=8000)
    assert (result.status, result.error) == ("learned", None)
    assert result.held_out is not None
    assert 0.4 < result.held_out["robust_win_rate"] < 2 / 3
    assert all(look.shortfall < 2 / 3 for look in result.trace)


SPY = '''
import gc
import numpy as np
import ualign_env as ua

@ua.agent(information="{information}")
def spy(task):
    """Looks for what it is not told."""
    for _ in range(3):
        yield lambda seen: np.full(6, 1 / 6)
        known = [one for one in gc.get_objects() if type(one) is ua.Scenario]
        assert len(known) > 0
        assert not any(one.held_out for one in known), "a held-out part"
        assert all(one.n_prompts in (1, 30) for one in known), [one.n_prompts for one in known]
        arrays = [one for one in gc.get_objects() if type(one) is np.ndarray]
        assert not any(one.ndim == 2 and len(one) == 20 for one in arrays), "features of prompts held out"
'''


@pytest.mark.parametrize("information", ["exact", "picks"])
def test_nothing_held_out_reaches_a_learners_process(tmp_path, information):
    (tmp_path / "spy.py").write_text(SPY.format(information=information), encoding="utf-8")
    agents = [f"{tmp_path / 'spy.py'}:spy"]
    outcome = ua.Benchmark([ua.Task(SCENARIO, 3)], agents, seeds=1, steps=3).run(ua.Processes(1))
    for result in outcome.results:
        assert (result.status, result.error) == ("learned", None)
        assert result.enforced
        assert result.held_out is not None
        expected = ua.robust_win_rate(HELD_OUT, "uniform", 3)
        assert result.held_out["robust_win_rate"] == pytest.approx(expected)
        assert result.shortfall == pytest.approx(0.75 - expected)


def test_a_spy_finds_what_is_in_its_own_process(tmp_path):
    """The broken twin: in this process, where nothing is kept apart, the search finds the prompts held out."""
    (tmp_path / "spy.py").write_text(SPY.format(information="exact"), encoding="utf-8")
    result = ua.run(f"{tmp_path / 'spy.py'}:spy", ua.Task(SCENARIO, 3), steps=3)
    assert result.status == "failed"
    assert "a held-out part" in str(result.error)


def test_processes_and_inline_say_the_same():
    inline = ua.run("nearest-neighbours", ua.Task(SCENARIO, 3), steps=1)
    outcome = ua.Benchmark([ua.Task(SCENARIO, 3)], ["nearest-neighbours"], seeds=1, steps=1).run(ua.Processes(1))
    (apart,) = outcome.results
    assert apart.error is None
    assert (apart.held_out, apart.shortfall) == (inline.held_out, inline.shortfall)


def test_joint_agents_and_several_opponents_are_refused():
    for name, l in (("double-oracle", 1), ("nearest-neighbours", 2)):
        result = ua.run(name, ua.Task(SCENARIO, 2, l=l), steps=1)
        assert result.status == "unsupported"
        assert "of prompts held out, samples are scored against single responses alone" in str(result.error)


def test_a_process_is_told_what_is_seen_and_no_more():
    told = unseen.scenario_of(unseen.message_of(HELD_OUT))
    np.testing.assert_array_equal(told.observations, HELD_OUT.observations)
    np.testing.assert_array_equal(told.legal, HELD_OUT.legal)
    with pytest.raises(ValueError, match="hidden"):
        ua.robust_win_rate(told, "uniform", 2)
    assert unseen.kept(np.eye(3)) is None
    assert list(unseen.answers([None, None], told, 2)) == []


BROKEN = '''
import numpy as np
import ualign_env as ua

@ua.agent(random=False)
def broken(task):
    """Knows its own prompts alone."""
    known = {row.tobytes() for row in task.scenario.observations}
    def policy(seen):
        if seen.tobytes() not in known:
            raise LookupError("never seen")
        return np.full(6, 1 / 6)
    yield policy
'''


@pytest.mark.parametrize("executor", [ua.Inline(), ua.Processes(1)], ids=["inline", "processes"])
def test_a_function_that_fails_on_prompts_held_out_says_why(tmp_path, executor):
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    outcome = ua.Benchmark([ua.Task(SCENARIO, 3)], [f"{tmp_path / 'broken.py'}:broken"], seeds=1, steps=1).run(executor)
    (result,) = outcome.results
    assert (result.status, result.held_out, result.shortfall) == ("failed", None, 0.75)
    assert "what it learned cannot be asked about prompts held out" in str(result.error)
    assert "LookupError: never seen" in str(result.error)


TREE = '''
import pyspiel
import ualign_env as ua

@ua.agent(information="tree", random=False)
def tree(task):
    """Makes a game, whose parameters must not name the prompts held out, and copies it."""
    game = task.game()
    assert "held-out" not in str(game) and "train" not in str(game), str(game)
    assert str(game.new_initial_state()) == str(pyspiel.load_game(str(game)).new_initial_state())
    yield lambda seen: [1 / 6] * 6
'''


def test_games_of_tasks_with_prompts_held_out_have_short_specs(tmp_path):
    (tmp_path / "tree.py").write_text(TREE, encoding="utf-8")
    agents = [f"{tmp_path / 'tree.py'}:tree"]
    (result,) = ua.Benchmark([ua.Task(SCENARIO, 2)], agents, seeds=1, steps=1).run(ua.Processes(1)).results
    assert (result.status, result.error) == ("learned", None)
