from importlib import import_module
from typing import Any

import numpy as np
import pytest
import reference
from scipy import stats

from ualign_env import (
    Population,
    Scenario,
    list_scenarios,
    load_scenario,
    register_scenario,
    robust_win_rate,
    specs,
)
from ualign_env._options import options
from ualign_env.sources import OPTIONS, SOURCES

RANKED = ["impartial", "mallows", "plackett-luce"]
CULTURES = [*RANKED, "urn", "euclidean", "single-peaked", "group-separable"]
NOISY = ["bradley-terry", "random-utility"]
CLASSICS = ["german-goals", "condorcet-1785", "borda-1784", "five-winners", "cycle", "two-groups", "majority-trap"]
BUILT_IN = [*CLASSICS, "camps", *RANKED, *NOISY, *CULTURES[3:5], "moving-opinions", *CULTURES[5:]]


def test_every_source_loads_with_its_described_options():
    assert list_scenarios()[: len(BUILT_IN)] == BUILT_IN
    described = {spec.partition("/")[0]: (spec, summary) for spec, summary in specs.describe_scenarios()}
    assert set(BUILT_IN) <= set(described)
    for name, (spec, summary) in described.items():
        assert summary.endswith(".")
        if name in BUILT_IN:
            assert load_scenario(spec) == load_scenario(name)
            assert load_scenario(name).n_prompts == (100 if name == "moving-opinions" else 1)


@pytest.mark.parametrize("name", BUILT_IN)
def test_specs_come_back_and_prompts_differ(name):
    scenario = load_scenario(f"{name}/prompts:2")
    assert scenario.spec == f"{name}/prompts:2"
    assert scenario.n_prompts == 2
    # responses are redrawn or listed in another order
    assert scenario.populations[0] != scenario.populations[1]
    assert scenario.populations[0] == load_scenario(name).populations[0]


@pytest.mark.parametrize("name", ["camps", *CULTURES, "random-utility", "moving-opinions"])
def test_random_scenarios_follow_their_seed(name):
    assert load_scenario(f"{name}/seed:1") == load_scenario(f"{name}/seed:1")
    assert load_scenario(f"{name}/seed:1") != load_scenario(f"{name}/seed:2")
    assert load_scenario(f"{name}/users:17").populations[0].n_users == 17


def test_every_option_of_a_source_has_a_meaning():
    made = (entry.partition(":") for entry in SOURCES.values())
    functions = [getattr(import_module(module), name) for module, _, name in made]
    assert {option for function in functions for option in options(function)} == set(OPTIONS)


def test_german_goals():
    # counts of the 24 rankings, Croon 1989: 2262 respondents, of whom 875 name order first (137+29+309+255+52+93)
    population = load_scenario("german-goals").populations[0]
    assert (population.n_users, population.n_types) == (2262, 24)
    np.testing.assert_allclose(population.favourites()[0], 875 / 2262)
    assert population.responses[population.condorcet_winner() or 0] == "fight prices"


def wins(population: Population) -> dict[str, int]:
    """Returns how many voters prefer the first of two letters, such as `ab`, to the second."""
    counts = np.rint(population.pairwise() * population.n_users).astype(int)
    names = population.responses
    return {a + b: int(counts[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i != j}


def firsts(population: Population, *left: str) -> dict[str, int]:
    """Returns whose favourite each letter is, of those that are left or of all."""
    some = population.restricted([population.responses.index(letter) for letter in left or population.responses])
    shares = some.favourites() * population.n_users
    return {letter: round(share) for letter, share in zip(some.responses, shares, strict=True)}


def borda(population: Population) -> dict[str, int]:
    """Returns how many letters voters rank below each one."""
    return {a: sum(n for pair, n in wins(population).items() if pair[0] == a) for a in population.responses}


def test_condorcet_1785():
    # 23 abc, 17 bca, 2 bac, 10 cab, 8 cba: a is before b for 23 + 10, b before c for 23 + 17 + 2, c before a for
    # 17 + 10 + 8
    population = reference.population("condorcet-1785")
    assert (population.n_users, population.n_types) == (60, 5)
    assert wins(population) == {"ab": 33, "ba": 27, "bc": 42, "cb": 18, "ca": 35, "ac": 25}
    assert population.condorcet_winner() is None


def test_borda_1784():
    # 1 abc, 7 acb, 7 bca, 6 cba: a is first for 1 + 7, b for 7, c for 6; c has 2 points from 6, 1 from 7 + 7
    population = reference.population("borda-1784")
    assert (population.n_users, population.n_types) == (21, 4)
    assert firsts(population) == {"a": 8, "b": 7, "c": 6}
    assert wins(population) == {"ab": 8, "ba": 13, "ac": 8, "ca": 13, "bc": 8, "cb": 13}
    assert borda(population) == {"a": 16, "b": 21, "c": 26}
    assert population.responses[population.condorcet_winner() or 0] == "c"


def test_five_winners():
    # 18 adecb, 12 bedca, 10 cbeda, 9 dceba, 4 ebdca, 2 ecdba
    population = reference.population("five-winners")
    assert (population.n_users, population.n_types) == (55, 6)
    assert firsts(population) == {"a": 18, "b": 12, "c": 10, "d": 9, "e": 4 + 2}
    assert firsts(population, "a", "b") == {"a": 18, "b": 37}  # the runoff of the first two
    # whoever is first for the fewest is struck: e, then d, then b
    assert firsts(population, "a", "b", "c", "d") == {"a": 18, "b": 12 + 4, "c": 10 + 2, "d": 9}
    assert firsts(population, "a", "b", "c") == {"a": 18, "b": 12 + 4, "c": 10 + 9 + 2}
    assert firsts(population, "a", "c") == {"a": 18, "c": 37}
    # d: 3 points from 18, 2 from 12, 1 from 10, 4 from 9, 2 from 4, 2 from 2
    points = borda(population)
    assert max(points, key=lambda letter: points[letter]) == "d"
    assert points["d"] == 54 + 24 + 10 + 36 + 8 + 4
    assert sum(points.values()) == 55 * 10
    # e beats a 37:18, b 18 + 9 + 4 + 2 : 12 + 10, c 18 + 12 + 4 + 2 : 10 + 9, and d 12 + 10 + 4 + 2 : 18 + 9
    assert {pair: n for pair, n in wins(population).items() if pair[0] == "e"} == {
        "ea": 37,
        "eb": 33,
        "ec": 36,
        "ed": 28,
    }
    assert population.responses[population.condorcet_winner() or 0] == "e"


def test_majority_trap():
    population = load_scenario("majority-trap/majority:0.55/responses:5").populations[0]
    assert population.condorcet_winner() == 0
    np.testing.assert_allclose(population.pairwise()[0, 1:], 0.55)
    np.testing.assert_allclose(population.favourites()[1:], 0.45 / 4)


def test_mallows_distances_have_the_model_s_distribution():
    # With 3 responses there are 1, 2, 2, 1 rankings at Kendall distance 0, 1, 2, 3 from the centre, each with
    # probability proportional to phi^distance.
    users, phi = 6000, 0.5
    population = reference.population(f"mallows/responses:3/users:{users}/phi:{phi}/seed:3")
    centre = population.ranks[population.weights.argmax()].astype(int)
    observed = np.zeros(4)
    for ranks, weight in zip(population.ranks.astype(int), population.weights, strict=True):
        distance = sum((ranks[i] - ranks[j]) * (centre[i] - centre[j]) < 0 for i in range(3) for j in range(i))
        observed[distance] += weight * users
    expected = np.array([1, 2 * phi, 2 * phi**2, phi**3])
    # the seed is fixed: the test fails with probability 0 or 1, and a right sampler had a chance of 0.1 % to fail
    assert stats.chisquare(observed, users * expected / expected.sum()).pvalue > 1e-3
    # the check rejects the distribution of another phi
    wrong = np.array([1, 2 * 0.6, 2 * 0.6**2, 0.6**3])
    assert stats.chisquare(observed, users * wrong / wrong.sum()).pvalue < 1e-3


def test_mallows_extremes_and_mixtures():
    assert load_scenario("mallows/phi:0").populations[0].n_types == 1
    two = load_scenario("mallows/phi:0;0/weights:3;1/users:400/responses:8").populations[0]
    assert two.n_types == 2
    np.testing.assert_allclose(two.weights.max(), 0.75, atol=0.08)
    uniform = load_scenario("mallows/phi:1/users:6000/responses:3").populations[0]
    assert stats.chisquare(uniform.weights * 6000).pvalue > 1e-3


def test_camps_are_two_and_prefer_their_own():
    scenario: Any = load_scenario("camps/niche:4/core:3/majority:0.7/users:4000/seed:3/prompts:2")
    assert scenario.populations[0] != scenario.populations[1]
    for users in scenario.populations:
        assert users.responses == (
            *(f"a-core-{i}" for i in range(3)),
            *(f"a-niche-{i}" for i in range(4)),
            *(f"b-core-{i}" for i in range(3)),
            *(f"b-niche-{i}" for i in range(4)),
        )
        orders = np.argsort(users.ranks, axis=1)
        camp = orders[:, 0] // 7
        assert users.weights[camp == 0].sum() == pytest.approx(0.7)
        kinds = np.where(orders % 7 < 3, 0, 1) + 2 * (
            orders // 7 != camp[:, None]
        )  # own core, own niche, others' core ...
        assert (kinds == [1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]).all()
        # each place of a block is equally often each of its responses
        for block in (slice(0, 1), slice(1, 4), slice(4, 7), slice(7, 10), slice(10, 14)):
            for place in range(block.start, block.stop):
                shares = np.bincount(orders[camp == 0, place], users.weights[camp == 0])
                present = shares[shares > 0] / shares.sum()
                np.testing.assert_allclose(present, 1 / present.size, atol=0.05)


def test_camps_defeat_the_usual_answers():
    """Neither NLHF nor random dictatorship nor the uniform policy comes near; who mixes the cores does."""
    rates = []
    for seed in range(12):
        scenario = load_scenario(f"camps/seed:{seed}")
        cores = [name.split("-")[1] == "core" for name in scenario.populations[0].responses]
        policies = ("nlhf", "random-dictatorship", "uniform", np.array(cores) / 10)
        rates.append([[robust_win_rate(scenario, policy, k) for k in (3, 8)] for policy in policies])
    low, high = np.min(rates, axis=0), np.max(rates, axis=0)
    assert (low >= [[0.50, 0.50], [0.45, 0.57], [0.53, 0.69], [0.71, 0.86]]).all()
    assert (high <= [[0.521, 0.521], [0.46, 0.59], [0.54, 0.70], [0.75, 0.889]]).all()
    np.testing.assert_allclose(np.array(rates)[:, 0, 0], np.array(rates)[:, 0, 1], atol=1e-9)  # of one response


def test_euclidean_users_on_a_line_are_single_peaked():
    population = load_scenario("euclidean/dimensions:1/responses:9/users:500").populations[0]
    # on a line with n points there are at most n (n - 1) / 2 + 1 orders by distance, and a Condorcet winner
    assert population.n_types <= 37
    assert population.condorcet_winner() is not None


def test_registered_scenarios():
    scenario = Scenario([Population.from_rankings([[0, 1]])])
    register_scenario("my-own", scenario)
    register_scenario("my-own", scenario)
    assert load_scenario("my-own") == scenario
    assert load_scenario("my-own").name == "my-own"
    assert "my-own" in list_scenarios()
    other = Scenario([Population.from_rankings([[1, 0]])])
    with pytest.raises(ValueError, match="already stands for another scenario; pass overwrite=True"):
        register_scenario("my-own", other)
    register_scenario("my-own", other, overwrite=True)
    assert load_scenario("my-own") == other
    with pytest.raises(ValueError, match="takes no options, but got 'prompts:2'"):
        load_scenario("my-own/prompts:2")


def test_prompts_draw_from_streams_of_their_own():
    two = load_scenario("impartial/seed:0/prompts:2")
    assert two.populations[1] != load_scenario("impartial/seed:1").populations[0]


@pytest.mark.parametrize("name", ["cycle", "true", "My Own", "a/b", "a:b", "inline", "", "x--y", "9"])
def test_bad_names_to_register(name):
    with pytest.raises(ValueError, match=r"built-in|must be lower-case words"):
        register_scenario(name, Scenario([Population.from_rankings([[0, 1]])]))


def test_only_scenarios_are_registered_and_targeted():
    with pytest.raises(ValueError, match="expected a Scenario"):
        register_scenario("x", 3)  # pyright: ignore[reportArgumentType]
    register_scenario("four-cycle", "cycle/responses:4")
    assert load_scenario("four-cycle").spec == "cycle/responses:4"
    with pytest.raises(ValueError, match="expected a Scenario, a Population or other Users, a spec or a path, not 3"):
        specs.as_scenario(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("german-goal", "unknown scenario 'german-goal'; did you mean 'german-goals'"),
        ("", "unknown scenario ''"),
        ("cycle/size:3", "scenario 'cycle/size:3': unknown option 'size'; known: prompts, responses"),
        ("cycle/responses", "'responses' is not of the form key:value"),
        ("cycle/responses:", "'responses:' is not of the form key:value"),
        ("cycle/", "'' is not of the form key:value"),
        ("cycle/responses:three", "responses is 'three', but must be an integer, as in responses:3"),
        ("cycle/responses:3.0", "responses is '3.0', but must be an integer"),
        ("cycle/responses:0", "responses is 0, but must be an integer of at least 1"),
        ("cycle/responses:3/responses:4", "'responses' is given twice"),
        ("cycle/prompts:0", "prompts is 0"),
        (
            "cycle/prompts:100000000000000000000",
            r"prompts is 100000000000000000000, but must be an integer from 1 to 10000",
        ),
        ("cycle/responses:100000000", r"1\.00e16 numbers are more than the 200,000,000 that are made"),
        ("cycle/responses: 3", "responses is ' 3', but must be an integer"),
        ("cycle/responses:1_0", "responses is '1_0'"),
        ("majority-trap/majority:0.4", "majority is 0.4, but must be a number from 0.5 to 1"),
        ("mallows/phi:1.5", "phi is 1.5, but must be a number from 0 to 1"),
        ("mallows/phi:nan", "phi is 'nan'"),
        ("mallows/phi:0.1;x", "phi is '0.1;x', but must be numbers joined by ';', as in phi:0.8"),
        ("mallows/phi:0.1;0.2/weights:1", "weights has 1 entries, but there are 2 values of phi"),
        ("mallows/seed:-1", "seed is -1"),
        ("two-groups/majority:2", "majority is 2.0"),
        ("majority-trap/responses:1", "responses is 1, but must be an integer of at least 2"),
        ("euclidean/dimensions:0", "dimensions is 0"),
        ("/no/such/file.soc", "/no/such/file.soc: no such file"),
    ],
)
def test_bad_specs(spec, message):
    with pytest.raises(ValueError, match=message):
        load_scenario(spec)


@pytest.mark.skipif(not reference.DATA.exists(), reason="needs the PrefLib files beside the project")
@pytest.mark.parametrize("path", sorted(reference.DATA.glob("preflib/*.soc")), ids=lambda path: path.name)
def test_preflib_elections(path):
    scenario = load_scenario(path)
    assert load_scenario(scenario.spec) == scenario
    text = path.read_text()
    population = scenario.populations[0]
    assert f"# NUMBER VOTERS: {population.n_users}\n" in text
    without_voters = text.count("\n0: ")
    assert f"# NUMBER UNIQUE ORDERS: {population.n_types + without_voters}\n" in text
    assert f"# ALTERNATIVE NAME 1: {population.responses[0]}\n" in text


def test_files_do_not_hide_scenarios(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("german-goals", "cycle"):
        (tmp_path / name).touch()
    assert load_scenario("german-goals").n_responses == 4
    assert load_scenario("cycle/responses:4").n_responses == 4
