"""What an inspection says, by hand for small populations, and against definitions for random ones."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from tables import ualign

import ualign_env as ua
from ualign_env import Population, inspect_scenario, plots
from ualign_env.scoring import facts

DATA = Path(__file__).parents[2] / "shared" / "data" / "preflib"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")


def test_german_goals():
    found = inspect_scenario("german-goals")
    (one,) = found.prompts
    assert (one.users, one.types, one.responses, one.tied_pairs, one.indifferent) == (2262, 24, 4, 0, 0)
    assert (one.condorcet_winner, one.cycle, one.smith_set) == ("fight prices", False, ("fight prices",))
    assert [share for share, _ in one.condorcet_levels] == pytest.approx([0.468170, 0.159151, 0.085765], abs=1e-6)
    assert [set(names) for _, names in one.condorcet_levels[:2]] == [
        {"fight prices"},
        {"maintain order", "fight prices"},
    ]
    assert (one.lottery_support, one.lottery_unique) == (("fight prices",), True)
    assert one.favourites[0] == ("fight prices", pytest.approx(0.40406720))
    for k in (2, 4, 8):
        at = found.sizes.index(k)
        for name in ("nlhf", "borda", "uniform", "random-dictatorship"):
            assert found.rates[name][at] == pytest.approx(ua.robust_win_rate("german-goals", name, k))
    assert found.limits == pytest.approx(
        {
            **dict.fromkeys(("nlhf", "borda", "plurality"), 0.53183024),
            "uniform": 1,
            "random-dictatorship": 1,
            "nash-welfare": 1,
        }
    )
    # .8889 - .5318 = .357 of .8889 - .5
    assert found.verdict[0] == "NLHF wastes 36 of 39 percentage points that samples could win at k = 8"
    assert (
        found.verdict[1]
        == "of the simple policies, random-dictatorship comes closest: 1 point below the optimum 0.889 at k = 8"
    )
    assert "46.8% of the users" in found.verdict[2]


def test_circles_and_several_lotteries():
    """Of four users two circles of three: 0 > 1 > 2 > 0 by 3 to 1 each would need three; here pairs tie or go round."""
    cycle = inspect_scenario("cycle/responses:3").prompts[0]
    assert (cycle.condorcet_winner, cycle.cycle, len(cycle.smith_set)) == (None, True, 3)
    tied = inspect_scenario(Population.from_rankings([[0, 1, 2], [1, 0, 2]]))
    one = tied.prompts[0]
    assert (one.condorcet_winner, one.cycle, one.smith_set) == (None, False, ("0", "1"))
    assert one.lottery_unique is False
    # half and half is the greatest entropy; either response alone is a maximal lottery, too, and none is better
    assert tied.rates["nlhf, best"] == pytest.approx(tied.rates["nlhf"])


def test_users_who_tell_nothing_apart():
    users = Population.from_scores([[1, 1, 1], [1, 1, 0], [2, 1, 0]], [2, 1, 1])
    one = inspect_scenario(users).prompts[0]
    assert one.indifferent == pytest.approx(1 / 2)
    assert one.tied_pairs == pytest.approx((2 * 3 + 1 * 1 + 0) / 3 / 4)
    assert "50% of the users tell nothing apart" in " ".join(inspect_scenario(users).verdict)


def test_populations_that_separate_nothing():
    everybody = inspect_scenario(Population.from_scores([[1, 1]]))
    assert everybody.verdict[0] == "every policy is near the optimum at k = 8: this population separates nothing"
    agreed = inspect_scenario(Population.from_rankings([[0, 1, 2, 3]]))
    assert agreed.verdict[0].startswith("every policy but the uniform one is near the optimum")
    assert "NLHF is U-aligned" in agreed.verdict[-1]
    one = inspect_scenario(Population.from_rankings([[0]]))
    assert one.prompts[0].condorcet_levels == ()
    pairs = inspect_scenario(ua.PairwiseUsers([[0.5, 0.7, 0.5], [0.3, 0.5, 0.5], [0.5, 0.5, 0.5]]))
    assert (pairs.sizes, pairs.prompts[0].tied_pairs, pairs.prompts[0].favourites) == ((1,), None, ())
    assert "only pairwise preferences are known" in pairs.verdict[0]


@settings(max_examples=60, deadline=None)
@given(reference.users(max_responses=5, max_users=5))
def test_facts_equal_their_definitions(users):
    population, n = users.population(), users.n_responses
    rows = list(zip(users.scores, users.weights, strict=True))
    (one,) = inspect_scenario(population, [1]).prompts
    prefers = np.array([[sum(w for s, w in rows if s[y] > s[z]) for z in range(n)] for y in range(n)])
    beats = prefers - prefers.T > 1e-12
    # the smallest set of which each member beats each outsider
    dominant = [
        one_set
        for size in range(1, n + 1)
        for one_set in combinations(range(n), size)
        if all(beats[y, z] for y in one_set for z in set(range(n)) - set(one_set))
    ]
    assert one.smith_set == tuple(map(str, dominant[0]))
    paths = beats.copy()
    for _ in range(n):
        paths |= (paths.astype(int) @ paths.astype(int)) > 0
    assert one.cycle == bool(np.diag(paths).any())
    for size, (share, names) in enumerate(one.condorcet_levels, start=1):

        def level(chosen):
            better = [sum(w for s, w in rows if all(s[y] > s[z] for z in chosen)) for y in range(n)]
            return max(better)

        assert share == pytest.approx(min(map(level, combinations(range(n), size))), abs=1e-12)
        assert share == pytest.approx(level(tuple(map(int, names))), abs=1e-12)
    assert one.tied_pairs == pytest.approx(
        sum(w * sum(s[y] == s[z] for y, z in combinations(range(n), 2)) for s, w in rows) / max(1, n * (n - 1) / 2)
    )


def test_condorcet_sets_are_sought_greedily_where_there_are_many(monkeypatch):
    users = ua.load_scenario("impartial/responses:8/users:30").populations[0]
    exact = facts.condorcet_levels(users)
    monkeypatch.setattr(facts, "_WORK", 0)
    greedy = facts.condorcet_levels(users)
    assert greedy[0] == exact[0]
    assert all(bound >= share for (bound, _), (share, _) in zip(greedy, exact, strict=True))
    assert set(greedy[0][1]) < set(greedy[1][1]) < set(greedy[2][1])


@needs_data
def test_t_shirts_have_no_condorcet_winner():
    found = inspect_scenario(DATA / "00012-00000001.soc", [9])
    (one,) = found.prompts
    assert (one.users, one.responses, one.condorcet_winner) == (30, 11, None)
    assert one.lottery_unique is False
    assert found.rates["nlhf"][found.sizes.index(9)] == pytest.approx(0.5991, abs=1e-4)
    assert found.rates["nlhf, best"][found.sizes.index(9)] == pytest.approx(0.5991, abs=1e-4)
    assert found.other_readings == {}


@needs_data
def test_breakfasts_have_a_condorcet_winner_each():
    """Counted in the files: how many of 42 people rank one item above each other one."""
    for path in sorted(DATA.glob("00035-*.soc")):
        lines = path.read_text(encoding="utf-8").splitlines()
        names = [line.split(": ", 1)[1] for line in lines if line.startswith("# ALTERNATIVE NAME")]
        orders = [
            (int(line.split(":")[0]), [int(y) - 1 for y in line.split(":")[1].split(",")])
            for line in lines
            if not line.startswith("#")
        ]
        wins = np.zeros((15, 15), int)
        for count, order in orders:
            for place, better in enumerate(order):
                wins[better, order[place + 1 :]] += count
        (winner,) = (y for y in range(15) if (np.delete(wins[y], y) > 21).all())
        (one,) = inspect_scenario(path, [1]).prompts
        assert one.condorcet_winner == names[winner]
        assert (one.users, one.responses, one.lottery_support) == (42, 15, (names[winner],))


@needs_data
def test_other_ways_of_reading_an_election():
    found = inspect_scenario(f"{DATA / '00001-00000001.soi'}")
    assert found.prompts[0].users == 43_942
    assert found.notes == (
        "39,683 of 43,942 voters ranked some of the 12 alternatives: those that they left out tie at the bottom",
    )
    policies = [ua.solve(f"{DATA / '00001-00000001.soi'}/unranked:{rule}", 3).policy for rule in ("bottom", "drop")]
    expected = np.abs(policies[0] - policies[1]).sum() / 2
    assert (found.other_readings, found.unreadable) == ({"unranked:drop": pytest.approx(expected)}, {})


def test_readings_that_fail_say_why(tmp_path):
    path = tmp_path / "/".join(["deep"] * 40) / "x.csv"  # whose folders hide no reason
    path.parent.mkdir(parents=True)
    path.write_text("user,chosen,rejected\nu,a,b\nv,b,a\nu,b,c\nv,b,c\nu,a,c\nv,a,c\n", encoding="utf-8")
    found = inspect_scenario(f"{path}/rule:copeland")
    assert found.other_readings == {}  # with win-share it is the same
    assert set(found.unreadable) == {"rule:bradley-terry"}
    assert found.unreadable["rule:bradley-terry"].startswith("x.csv: user 'u'")
    assert "has no finite Bradley-Terry strengths" in found.unreadable["rule:bradley-terry"]


def test_reasons_keep_their_slashes(tmp_path, monkeypatch):
    """A file without folders takes none away from what is said of it."""
    monkeypatch.chdir(tmp_path)
    rows = ["user,chosen,rejected", *(f"{user},{pair}" for user in ("u/1", "u/2") for pair in ("a,b", "b,c", "a,c"))]
    (tmp_path / "x.csv").write_text("\n".join(rows), encoding="utf-8")
    (reason,) = inspect_scenario("x.csv/rule:copeland").unreadable.values()
    assert reason.startswith("x.csv: user 'u/1'")


def test_the_command_prints_draws_and_dumps(tmp_path):
    shown = ualign("inspect", "mallows/responses:5/prompts:3", "--out", tmp_path / "i.png")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "verdict: " in shown.stdout
    assert [line.split("  ")[0] for line in shown.stdout.splitlines() if line.startswith("prompt ")][1:] == [
        "prompt 0",
        "prompt 1",
        "prompt 2",
    ]
    assert (tmp_path / "i.png").stat().st_size > 10_000
    result = json.loads(ualign("inspect", "camps", "--users", 50, "--json").stdout)
    assert result["prompts"][0]["users"] == 50
    assert set(result["rates"]) >= {"nlhf", "uniform"}
    assert ualign("inspect").stdout.startswith("german-goals\n\nprompt              prompt 0\n")


def test_pictures_of_names_that_no_font_has(tmp_path):
    users = Population.from_rankings([[0, 1], [1, 0], [0, 1]], responses=["\U000f1234 one", "two\nlines " + "x" * 100])
    figure = plots.inspection(inspect_scenario(users))
    with pytest.warns(UserWarning, match="1 characters are in no font that is installed"):
        plots.save(figure, tmp_path / "i.svg")
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert all(len(label) <= 40 and "\n" not in label for label in labels)


def test_rates_of_groups_say_whom_policies_fail():
    likes = {"north": ["abc"] * 5 + ["acb"], "south": ["bca"] * 3 + ["cba"]}
    rows = [
        (q, f"{group}{i}", y, -order.index(y), group)
        for q in "pq"
        for group, own in likes.items()
        for i, order in enumerate(own)
        for y in "abc"
    ]
    columns = ("prompt", "user", "response", "score", "group")
    scenario = ua.read_ratings(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)), group="group")
    found = inspect_scenario(scenario)
    nlhf = ua.tabulate(scenario, "nlhf", 8).average()
    for name, rates in found.group_rates.items():
        own = [ua.robust_win_rate(groups[name], row, 8) for groups, row in zip(scenario.groups, nlhf, strict=True)]
        assert rates["nlhf"] == pytest.approx(np.mean(own), abs=1e-12)
        best = ua.solve(scenario, 8).policy
        own = [ua.robust_win_rate(groups[name], row, 8) for groups, row in zip(scenario.groups, best, strict=True)]
        assert rates["equilibrium"] == pytest.approx(np.mean(own), abs=1e-9)
    assert found.group_rates["south"]["equilibrium"] > 0.7  # which is the fix
    assert found.group_rates["north"]["nlhf"] > 0.8  # a is the majority's, and wins but for ties
    assert found.group_rates["south"]["nlhf"] == 0  # who like it least
    assert not inspect_scenario("german-goals").group_rates
    labels = [axes.get_title() for axes in plots.inspection(found).axes]
    assert "groups at k = 8" in labels
    assert not any("groups" in axes.get_title() for axes in plots.inspection(inspect_scenario("german-goals")).axes)


def test_one_prompt_alone(tmp_path):
    scenario = ua.load_scenario("mallows/responses:4/users:30/prompts:3")
    alone = inspect_scenario(scenario, (2, 4), prompt="prompt 1")
    expected = inspect_scenario(scenario.part([1]), (2, 4))
    assert alone.scenario == scenario.name
    assert (alone.prompts, alone.rates) == (expected.prompts, expected.rates)
    assert inspect_scenario(scenario, (2, 4), prompt=1).prompts == alone.prompts
    with pytest.raises(ValueError, match="unknown prompt 'nothing'"):
        inspect_scenario(scenario, prompt="nothing")
    rows = ["p,u,a,1", "p,u,b,0", "p,v,b,2", "p,v,a,5", "q,u,a,1", "q,u,b,0", "q,v,b,1", "q,w,a,0", "q,w,b,9"]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["prompt,user,response,score", *rows]), encoding="utf-8")
    (whole, p, q) = (inspect_scenario(path, prompt=prompt).other_readings for prompt in (None, "p", "q"))
    assert p == {}  # where everybody judged everything, there is no other way of reading it
    assert set(whole) == set(q)
    assert min(q.values()) > 0
