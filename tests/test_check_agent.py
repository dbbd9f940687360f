"""The checker of agents finds what it is for, in agents that do just that, and nothing in those of the package."""

import json
import subprocess
import sys

import pytest
from learning import EXTRAS, installed

from ualign_env.benchmark import check
from ualign_env.benchmark.agents import list_agents
from ualign_env.benchmark.check import check_agent

SLOW = ("adidas", "deep-cfr", "projected-replicator", "regret-matching")

FAULTY = '''
import sys

import numpy as np
import ualign_env as ua


@ua.agent(information="picks")
def fine(task):
    """Shows whatever comes."""
    users, rng = task.users(), task.rng()
    wins = task.scenario.legal.astype(float)
    while True:
        for x in range(len(wins)):
            shown = rng.choice(int(task.scenario.legal[x].sum()), size=task.slots)
            wins[x, shown[users.pick_one(shown.tolist(), x)]] += 1
        yield wins / wins.sum(axis=1, keepdims=True)


@ua.agent(information="picks")
def ignores_its_seed(task):
    """Draws from the system's entropy."""
    users, rng = task.users(), np.random.default_rng()
    wins = task.scenario.legal.astype(float)
    while True:
        for x in range(len(wins)):
            shown = rng.choice(int(task.scenario.legal[x].sum()), size=task.slots)
            wins[x, shown[users.pick_one(shown.tolist(), x)]] += 1
        yield wins / wins.sum(axis=1, keepdims=True)


@ua.agent(random=False)
def hides_its_seed(task):
    """Says that it has none."""
    rng = task.rng()
    while True:
        weights = task.scenario.legal * rng.random(task.scenario.legal.shape)
        yield weights / weights.sum(axis=1, keepdims=True)


def has_no_need_of_a_seed(task):
    """Does the same each time."""
    while True:
        yield "uniform"


def plays_uncounted(task):
    """Knows the users, and plays on the side."""
    games = ua.BatchedGame(task.scenario, task.players, 64)
    games.reset(task.seed)
    wins = task.scenario.legal.astype(float)
    while True:
        rewards = games.step(np.zeros((64, task.players), int))
        games.reset()
        wins[:, 0] += rewards[:, 0].sum()
        yield wins / wins.sum(axis=1, keepdims=True)


def counts_its_plays(task):
    """Knows the users, plays on the side, and says how often."""
    for i, policy in enumerate(plays_uncounted(task)):
        yield ua.Checkpoint(policy, plays=64 * (i + 1))


def changes_what_it_yielded(task):
    """Yields one array again and again."""
    policy = task.scenario.legal / task.scenario.legal.sum(axis=1, keepdims=True)
    rng = task.rng()
    while True:
        yield policy
        policy[:] = task.scenario.legal * rng.random(policy.shape)
        policy /= policy.sum(axis=1, keepdims=True)


@ua.agent(information="picks")
def asks_nobody(task):
    """Never asks."""
    while True:
        yield task.scenario.legal / task.scenario.legal.sum(axis=1, keepdims=True)


def knows_one_size(task):
    """Takes every prompt for one with four responses."""
    while True:
        yield np.full((task.scenario.n_prompts, 4), 0.25)


def yields_nothing(task):
    yield from ()


def leaves(task):
    sys.exit(3)
    yield


def returns(task):
    return np.full(4, 0.25)


def hangs(task):
    while True:
        pass
    yield
'''


@pytest.fixture
def faulty(tmp_path):
    place = tmp_path / "faulty.py"
    place.write_text(FAULTY)
    return place


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("ignores_its_seed", "errors", "with the same seed it learned something else"),
        ("hides_its_seed", "errors", "declared random=False, but another seed gave other policies"),
        ("has_no_need_of_a_seed", "warnings", "another seed changed nothing"),
        ("plays_uncounted", "errors", "it plays games (at least 768) that nobody counts"),
        ("changes_what_it_yielded", "warnings", "a policy that was yielded is another one a step later"),
        ("asks_nobody", "warnings", "it never asked a user"),
        ("knows_one_size", "errors", "on prompts with different numbers of responses: ValueError"),
        ("yields_nothing", "errors", "it yielded no policy"),
        ("leaves", "errors", "SystemExit: 3"),
        ("returns", "errors", "an agent must be a generator"),
        ("knows_one_size", "warnings", "are checked once these errors are mended"),
        ("yields_nothing", "warnings", "it has no docstring"),
    ],
)
def test_what_is_wrong_is_found(faulty, name, kind, text):
    found = check_agent(f"{faulty}:{name}")
    assert any(text in one for one in getattr(found, kind)), found.summary()


def test_what_does_not_end_is_ended(faulty, monkeypatch):
    monkeypatch.setattr(check, "_SECONDS", 0.2)
    found = check_agent(f"{faulty}:hangs")
    assert all("TimeoutError: 12 steps took more than 0.2 seconds" in one for one in found.errors), found.summary()


@pytest.mark.parametrize("name", ["fine", "counts_its_plays"])
def test_what_is_right_passes(faulty, name):
    found = check_agent(f"{faulty}:{name}")
    assert found.errors == ()
    assert [text for text in found.warnings if "another seed" not in text] == []


@pytest.mark.parametrize("name", [name for name in list_agents() if name not in SLOW])
def test_agents_of_the_package_pass(name):
    if name in EXTRAS:
        installed(name)
    found = check_agent(name)
    assert found.errors == (), found.summary()


def test_the_command(faulty):
    def run(*arguments):
        command = [sys.executable, "-m", "ualign_env", "check-agent", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    result = run(f"{faulty}:fine", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["errors"] == []
    result = run(f"{faulty}:plays_uncounted")
    assert result.returncode == 1
    assert result.stdout.startswith("error: it plays games")
    result = run("nobody")
    assert (result.returncode, result.stdout) == (2, "")
    assert "unknown agent 'nobody'" in result.stderr
