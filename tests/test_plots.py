import matplotlib as mpl
import numpy as np
import pytest

import ualign_env as ua
from ualign_env import (
    Population,
    Scenario,
    equilibrium_family,
    load_scenario,
    plots,
    robust_win_rate,
    sample_curve,
    solve,
    solve_versus,
    versus_map,
    win_rate_curve,
)
from ualign_env.benchmark.reporting.standings import boards

SIZES = [1, 2, 8]


def lines(figure):
    """Returns the y-data of each labelled line."""
    return {str(line.get_label()): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}


def test_the_curve_shows_optimum_equilibria_and_baselines():
    scenario = load_scenario("german-goals")
    drawn = lines(plots.curve(win_rate_curve(scenario, SIZES, temperature=0.1)))
    optimum = [k / (k + 1) for k in SIZES]
    np.testing.assert_allclose(drawn["optimum k/(k+1)"], optimum)
    np.testing.assert_allclose(drawn["equilibrium of each k"], optimum, atol=1e-9)
    regularised = [solve(scenario, k, temperature=0.1).robust_win_rate for k in SIZES]
    np.testing.assert_allclose(drawn["equilibrium at temperature 0.1"], regularised)
    nlhf = [robust_win_rate(scenario, [0, 0, 1, 0], k) for k in SIZES]
    np.testing.assert_allclose(drawn["NLHF (maximal lottery)"], nlhf)
    np.testing.assert_allclose(drawn["Borda winner (RLHF)"], nlhf)
    np.testing.assert_allclose(drawn["plurality winner"], nlhf)
    favourites = [robust_win_rate(scenario, scenario.populations[0].favourites(), k) for k in SIZES]
    np.testing.assert_allclose(drawn["random dictatorship"], favourites)
    np.testing.assert_allclose(drawn["uniform"], [robust_win_rate(scenario, [0.25] * 4, k) for k in SIZES])


def test_the_curve_shows_policies():
    curve = win_rate_curve("german-goals", SIZES, policies={"learned": [0.4, 0.1, 0.5, 0.0]})
    drawn = lines(plots.curve(curve))
    np.testing.assert_allclose(drawn["learned"], curve.policies["learned"])


def test_samples_are_drawn_with_their_interval():
    samples = np.random.default_rng(0).choice(4, 40)
    curve = sample_curve("german-goals", samples, rng=0)
    figure = plots.sample_curve(curve)
    drawn = lines(figure)
    np.testing.assert_allclose(drawn["k samples"], curve.robust_win_rates)
    np.testing.assert_allclose(drawn["worst opponent by the other half"], curve.split_half_rates)
    edges = np.asarray(figure.axes[0].collections[0].get_paths()[0].vertices)[:, 1]
    assert np.isin(curve.intervals.ravel(), edges).all()


def test_one_size_of_few_samples_is_seen():
    figure = plots.sample_curve(sample_curve("german-goals", [0, 1, 1], [3], rng=0))
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["3"]
    low, high = np.asarray(figure.axes[0].collections[0].get_paths()[0].vertices)[:, 1]
    assert low < high
    assert "worst opponent by the other half" not in lines(figure)  # too few samples for halves


def test_the_family_shows_the_equilibria_of_its_prompt():
    scenario = load_scenario("mallows/responses:4/prompts:2")
    for prompt, population in enumerate(scenario.populations):
        drawn = lines(plots.family(equilibrium_family(scenario, SIZES, prompt=prompt)))
        policies = np.array([solve(population, k).policy for k in SIZES])
        for y, name in enumerate(population.responses):
            np.testing.assert_allclose(drawn[name], policies[:, y])


def test_notebooks_show_pictures_without_a_backend():
    picture = plots.family(equilibrium_family("cycle", SIZES))
    assert picture._repr_png_().startswith(b"\x89PNG")  # pyright: ignore[reportAttributeAccessIssue]


def test_many_responses_are_drawn_together():
    scenario = load_scenario("impartial/responses:14/users:300")
    drawn = lines(plots.family(equilibrium_family(scenario, SIZES)))
    own = {name: line for name, line in drawn.items() if not name.startswith("_child")}
    assert "5 others together" in own
    np.testing.assert_allclose(sum(own.values()), 1)


def test_the_same_picture_gives_the_same_file(tmp_path):
    for name in ("one.svg", "two.svg"):
        plots.save(plots.family(equilibrium_family("cycle", SIZES)), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize("name", ["x.gif", "x", "none/x.png"])
def test_bad_paths(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.png|there is no folder"):
        plots.check_path(tmp_path / name)


def test_heat_maps_show_the_values():
    scenario = load_scenario("german-goals")
    figure = plots.versus(versus_map(scenario, 3, 2))
    together, sampled = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    policy = solve(scenario, 3).policy
    for l in (1, 2):
        np.testing.assert_allclose(together[2, l - 1], solve_versus(scenario.populations[0], 3, l).value)
        np.testing.assert_allclose(sampled[2, l - 1], robust_win_rate(scenario, policy, 3, l))
    assert (together >= sampled - 1e-9).all()
    assert next(text.get_text() for text in figure.axes[0].texts) == "0.500"


def test_leaderboards_show_what_is_solved():
    agents = ["mirror-descent", "nlhf", "cfr-plus", "exp3"]
    results = ua.Benchmark(["german-goals"], agents, steps=20).run().results
    found = boards(results)
    figure = plots.solved(found)
    assert len(figure.axes) == len(found) == 3
    for axes, board in zip(figure.axes, found, strict=True):
        drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}
        assert set(drawn) == {row.agent for row in board.standings}
        for row in board.standings:
            np.testing.assert_allclose(drawn[row.agent], row.curve.shares)
        assert axes.get_xlabel() == "steps"
    assert len(figure.axes[2].collections) == 1  # the band of what depends on seeds


def test_fonts_that_the_user_chose_come_first(monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "font.family", ["serif"])
    users = Population.from_rankings([[0, 1], [1, 0]])
    figure = plots.family(equilibrium_family(users, [1, 2]))
    assert figure.axes[0].title.get_fontfamily()[0] == "serif"


def test_names_are_text_and_nothing_else(monkeypatch, tmp_path):
    """Neither TeX, which need not be installed, nor hidden labels, nor a terminal's language."""
    monkeypatch.setitem(mpl.rcParams, "text.usetex", True)
    names = ["_hidden", "$x^2$ and $\\frac{", "two\nlines \x1b[31m"]
    users = Population.from_rankings([[0, 1, 2], [2, 1, 0], [1, 2, 0]], [3, 2, 2], names)
    scenario = Scenario([users], ["_prompt $"], name="$\\frac{")
    family = plots.family(equilibrium_family(scenario, SIZES))
    legend = family.axes[0].get_legend_handles_labels()[1]
    assert sorted(legend) == [" _hidden", names[1], "two lines \\x1b[31m"]
    for figure in (
        family,
        plots.curve(win_rate_curve(scenario, SIZES)),
        plots.versus(versus_map(scenario, 2, 2)),
    ):
        for ending in ("png", "pdf"):
            plots.save(figure, tmp_path / f"x.{ending}")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "SVG"])
def test_the_same_picture_is_the_same_file(tmp_path, ending):
    for name in "ab":
        plots.save(plots.curve(win_rate_curve("cycle", SIZES)), tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_long_names_of_files_lose_their_folders_and_options():
    spec = "/home/somebody/data/of/hers/ratings.csv/user:annotator/prompt:question/response:answer/score:stars"
    assert plots._named(spec) == "ratings.csv"
    assert plots._named("mallows/phi:0.5/prompts:3") == "mallows/phi:0.5/prompts:3"
    assert plots._named("a:b" * 30).startswith("a:ba:b")
