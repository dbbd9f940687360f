"""Suites: what comes with the package is what it says, and what others write is checked."""

import hashlib
import tomllib

import numpy as np
import pytest
from suite_facts import SUITES, with_facts

import ualign_env as ua
from ualign_env.benchmark.agents import describe_agent
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.suite import list_suites, load_suite, parse_suite

OPEN = [name for name in list_suites() if name != "sealed"]


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.toml")), ids=lambda path: path.stem)
def test_facts_are_what_is_computed(path):
    """Every number that a suite states, of every scenario; `python tests/suite_facts.py` writes them."""
    stated, computed = (tomllib.loads(text)["task"] for text in (path.read_text(), with_facts(path.read_text())))
    assert [task["scenario"] for task in stated] == [task["scenario"] for task in computed]
    for task, again in zip(stated, computed, strict=True):
        assert task.keys() == again.keys()
        for name, value in again.get("facts", {}).items():
            if isinstance(value, list):
                np.testing.assert_allclose(task["facts"][name], value, atol=2e-9)
            else:
                assert task["facts"][name] == value


@pytest.mark.parametrize("name", OPEN)
def test_suites_load(name):
    suite = load_suite(name)
    assert (suite.name, suite.version) == (name, 1)
    assert suite.seeds >= 3
    assert len({(one.name, one.task.k, one.task.l) for one in suite.tasks}) == len(suite.tasks)
    assert not [one for one in suite.tasks if one.name.startswith("cycle")]
    for agent in suite.agents or ():
        assert describe_agent(agent).declared.information in suite.classes


def test_quick_shows_every_class_with_at_most_five_agents():
    suite = load_suite("quick")
    shown = [describe_agent(name).declared.information for name in suite.agents or ()]
    assert set(shown) == set(CLASSES)
    assert max(shown.count(name) for name in CLASSES) <= 5


def test_camps_show_what_samples_and_theory_differ_in():
    """NLHF stays near one half, whatever k; random dictatorship is far from the optimum."""
    tasks = {one.name: one for one in load_suite("samples").tasks}
    scenario = tasks["camps/niche:20/core:5/majority:0.52/users:1000"].task.scenario
    assert 0.5 <= ua.robust_win_rate(scenario, "nlhf", 8) < 0.54
    assert ua.robust_win_rate(scenario, "random-dictatorship", 3) < 0.5


def test_suites_of_somebodys_own(tmp_path):
    text = 'name = "mine"\nversion = 2\ntitle = "t"\nseconds = 0.5\n[[task]]\nscenario = "cycle"\nk = [2]\nl = [1, 2]\n'
    path = tmp_path / "mine.toml"
    path.write_text(text)
    suite = load_suite(str(path))
    assert str(suite) == "mine 2"
    assert [(one.name, one.task.k, one.task.l) for one in suite.tasks] == [("cycle", 2, 1), ("cycle", 2, 2)]
    assert suite.budget("seconds").amount == 0.5
    assert not suite.as_it_is
    changed = suite.with_budgets(seconds=1.0, plays=1_000_000)
    assert (changed.seconds, changed.plays) == (1.0, 1_000_000)
    assert changed.text != suite.text
    assert suite.with_budgets(seconds=0.5) is suite
    read = parse_suite(changed.text)  # it says what it is
    assert (read.seconds, read.plays, str(read)) == (1.0, 1_000_000, "mine 2")
    with pytest.raises(ValueError, match="leave out steps, or these"):
        ua.Benchmark(suite, steps=3, seconds=1)
    assert str(suite.with_budgets(steps=7).budget("plays")) == "7 steps"
    assert load_suite("core").as_it_is
    assert not load_suite("core").with_budgets(seconds=1.0).as_it_is


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name =", "names ="), "unknown field 'names'; did you mean 'name'"),
        (('title = "t"\n', ""), "has no 'title'"),
        (("version = 1", "version = 0"), "version is 0"),
        (('scenario = "cycle"', 'scenario = "cycl"'), "unknown scenario 'cycl'"),
        (("k = [2]", "k = [0]"), "k is 0"),
        (("k = [2]", "kk = [2]"), "unknown field 'kk'"),
        (("k = [2]", 'facts = {digest = "0"}'), "cycle is not what it was|made for 0"),
        (("k = [2]", "k = ["), "is no TOML"),
        (("version = 1", "version = 1\nplays = -3"), "plays is -3"),
        (("k = [2]", "k = 2"), "a field is of another kind"),
        (("k = [2]", "k = [2, 2]"), "2 tasks are called 'cycle', with k = 2 and l = 1: name them apart"),
        (("version = 1", 'version = 1\nagents = "uniform"'), "agents is 'uniform', but must be several"),
        (('scenario = "cycle"', 'name = "cycle"'), "or is missing: KeyError"),
        (("version = 1", 'version = 1\nclasses = ["all"]'), "unknown class 'all'"),
        (('[[task]]\nscenario = "cycle"\nk = [2]\n', "task = []\n"), "has no tasks"),
    ],
)
def test_what_is_wrong_in_a_suite_is_said(change, message):
    text = 'name = "mine"\nversion = 1\ntitle = "t"\n[[task]]\nscenario = "cycle"\nk = [2]\n'
    assert parse_suite(text).name == "mine"
    with pytest.raises(ValueError, match=message):
        parse_suite(text.replace(*change))


def test_unknown_suites_are_named():
    with pytest.raises(ValueError, match=r"unknown suite 'cycle'.*; scenarios are a list: \['cycle'\]"):
        ua.Benchmark("cycle", ["uniform"])
    with pytest.raises(ValueError, match="unknown suite 'cor'; did you mean 'core'"):
        load_suite("cor")
    with pytest.raises(ValueError, match=r"nowhere\.toml: cannot be read"):
        load_suite("nowhere.toml")


def test_a_folder_is_a_suite_of_its_files(tmp_path):
    (tmp_path / "one.csv").write_text("order\nA > B\nB > A\nA > B\n")
    ua.load_scenario("cycle").save(tmp_path / "two.npz")
    (tmp_path / "notes.txt").write_text("not data")
    suite = load_suite(f"folder:{tmp_path}")
    assert {one.name.rpartition("/")[2] for one in suite.tasks} == {"one.csv", "two.npz"}
    assert len(suite.tasks) == 2 * 4
    outcome = ua.Benchmark(suite, ["nlhf"]).run()
    assert {result.status for result in outcome.results} == {"learned"}
    with pytest.raises(ValueError, match="is no folder"):
        load_suite(f"folder:{tmp_path}/nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no files that end in"):
        load_suite(f"folder:{tmp_path}/empty")


SEALED = """
name = "throw-away"
version = 1
title = "t"
sealed = "{digest}"
[[task]]
scenario = "impartial/responses:4/users:9/seed:{{seed}}"
k = [2]
copies = 2
"""


def test_sealed_suites_open_with_the_file_of_their_seeds_alone(tmp_path):
    seeds = tmp_path / "seeds"
    seeds.write_bytes(b"41 97\n")
    text = SEALED.format(digest=hashlib.sha256(b"41 97\n").hexdigest())
    suite = parse_suite(text, sealed_seeds=seeds)
    assert [one.name.rpartition(":")[2] for one in suite.tasks] == ["41", "97"]
    with pytest.raises(ValueError, match="is sealed: its seeds are published by its makers after the release"):
        parse_suite(text)
    seeds.write_bytes(b"41 98\n")
    with pytest.raises(ValueError, match="has the fingerprint"):
        parse_suite(text, sealed_seeds=seeds)
    for data, message in ((b"41", "needs more seeds than its file has"), (b"a b", "must hold seeds alone")):
        seeds.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            parse_suite(SEALED.format(digest=hashlib.sha256(data).hexdigest()), sealed_seeds=seeds)
    with pytest.raises(ValueError, match="is sealed, and its seeds have not been drawn"):
        load_suite("sealed")
