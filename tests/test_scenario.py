import pickle
import subprocess
import sys

import numpy as np
import pytest

from ualign_env import Population, Scenario, load_scenario, register_scenario

TWO = Scenario(
    [
        Population.from_rankings([[0, 1, 2], [2, 1, 0]], [0.7, 0.3], ["ä", "b, c", "(d)"]),
        Population.from_scores([[1, 1]]),
    ],
    ["first prompt", "second"],
    [0.1, 0.9],
)


def test_attributes():
    assert (TWO.n_prompts, TWO.n_responses) == (2, 3)
    assert TWO.prompts == ("first prompt", "second")
    np.testing.assert_array_equal(TWO.probabilities, [0.1, 0.9])
    assert Scenario(TWO.populations).prompts == ("prompt 0", "prompt 1")
    np.testing.assert_array_equal(Scenario(TWO.populations).probabilities, [0.5, 0.5])


@pytest.mark.parametrize(
    "scenario",
    [
        TWO,
        Scenario([TWO.populations[0]] * 3, probabilities=[1 / 3 + 2e-7, 1 / 3, 1 / 3]),
        load_scenario("mallows/prompts:3"),
    ],
)
def test_inline_specs_rebuild_an_equal_scenario(scenario):
    copy = Scenario(scenario.populations, scenario.prompts, scenario.probabilities)
    assert copy.spec.startswith("inline/")
    assert load_scenario(copy.spec) == copy == scenario
    assert hash(load_scenario(copy.spec)) == hash(copy)
    # only what a game string leaves alone
    assert copy.spec.replace("/", "").replace("-", "").replace("_", "").isalnum()


def test_a_spec_works_in_another_process():
    code = f"from ualign_env import load_scenario; import pickle, sys; s = load_scenario({TWO.spec!r})"
    code += "; sys.stdout.buffer.write(pickle.dumps(s))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert pickle.loads(output) == TWO


def test_names():
    assert load_scenario("mallows/seed:3").name == "mallows/seed:3"
    assert TWO.name.startswith("in-memory-")
    assert TWO.name == pickle.loads(pickle.dumps(TWO)).name != Scenario(TWO.populations[::-1]).name
    assert repr(TWO) == f"Scenario({TWO.name!r}, n_prompts=2, n_responses=3)"


def test_different_scenarios_are_not_equal():
    assert Scenario(TWO.populations, TWO.prompts, [0.2, 0.8]) != TWO
    assert Scenario(TWO.populations, ["x", "y"], TWO.probabilities) != TWO
    assert Scenario(TWO.populations[::-1], TWO.prompts, TWO.probabilities) != TWO
    assert TWO != "TWO"


def test_immutable_also_after_pickling():
    for scenario in (TWO, pickle.loads(pickle.dumps(TWO))):
        assert scenario == TWO
        assert scenario.spec == TWO.spec
        with pytest.raises(ValueError, match="read-only"):
            scenario.probabilities[0] = 1
        with pytest.raises(AttributeError):
            scenario.prompts = ()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "at least one population"),
        ((["x"],), r"populations\[0\] is 'x', but must be a Population"),
        ((TWO.populations[0],), r"for one prompt pass \[population\]"),
        ((TWO.populations, ["a"]), "prompts has 1 names, but there are 2 prompts"),
        ((TWO.populations, ["a", "a"]), "'a' is given twice"),
        ((TWO.populations, None, [0.5, 0.6]), "probabilities sums to 1.1"),
        ((TWO.populations, None, [1, 0]), r"probabilities\[1\] is 0, but a prompt must be possible"),
        ((TWO.populations, None, [1]), "probabilities has 1 entries, but the scenario has 2 populations"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scenario(*arguments)


@pytest.mark.parametrize(
    "damage", [lambda s: s[:-4], lambda s: s[:30] + "AAAA" + s[34:], lambda s: s[:9], lambda s: s + "é"]
)
def test_damaged_inline_specs(damage):
    with pytest.raises(ValueError, match=r"inline scenario .* is damaged"):
        load_scenario(damage(TWO.spec))


def test_features_are_part_of_a_scenario():
    users = Population.from_rankings([[0, 1]])
    plain = Scenario([users, users])
    scenario = Scenario([users, users], features=[[0.1], [-7]])
    assert scenario.observations.tolist() == [[1, 0, np.float32(0.1)], [0, 1, -7]]
    assert scenario != plain
    assert scenario.name != plain.name
    for copy in (load_scenario(scenario.spec), pickle.loads(pickle.dumps(scenario))):
        assert copy == scenario
        assert not copy.features.flags.writeable
    register_scenario("with-features", scenario)
    register_scenario("with-features", scenario)
    assert load_scenario("with-features") == scenario
    assert plain.observations.tolist() == [[1, 0], [0, 1]]
    assert Scenario([users]).observations.tolist() == [[1, 0]]  # two wide at least


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([[1.0]], "features has 1 rows, but the scenario has 2 prompts"),
        ([1.0, 2.0], "features has shape"),
        ([[np.nan], [0.0]], "must be finite"),
        ([[1e300], [0.0]], "features reach 1e\\+300, but are observed as float32 numbers"),
    ],
)
def test_wrong_features(features, message):
    users = Population.from_rankings([[0, 1]])
    with pytest.raises(ValueError, match=message):
        Scenario([users, users], features=features)
