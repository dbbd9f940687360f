"""Users who choose noisily, every slot with a noise of its own, or every response."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slot_noise import SlotNoise

import ualign_env as ua
from ualign_env.solvers.nash_welfare import nash_welfare
from ualign_env.testing import check_users
from ualign_env.users.noisy import kernel
from ualign_env.users.noisy.laws import LOGIT, PROBIT

UTILITIES, WEIGHTS = [[1, 0.5, 0], [0, 1, 0.25], [0.3, 0, 1]], [0.5, 0.3, 0.2]
POLICY = [0.5, 0.3, 0.2]
KINDS = [ua.LogitUsers, ua.ProbitUsers]


def logit(temperature: float) -> ua.LogitUsers:
    return ua.LogitUsers(UTILITIES, temperature, WEIGHTS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("temperature", [0.5, [0.1, 0.5, 2], 0.001, [1e-6, 0.2, 30]])
def test_both_kinds_keep_the_definition(kind, temperature):
    check_users(kind(UTILITIES, temperature, WEIGHTS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("utilities", [[[1.0]], [[0.0, 0.0]], [[0, 100, 200, 200], [0, 1, 0, 5]]])
def test_edges_keep_the_definition(kind, utilities):
    check_users(kind(utilities))


# Values by two or more independent methods each; chances are rounded to eight digits.


@pytest.mark.parametrize(
    ("kind", "temperature", "k", "expected"),
    [
        (ua.LogitUsers, 0.5, 1, [0.52777122, 0.51171773, 0.41299535]),
        (ua.LogitUsers, 0.5, 2, [0.35309961, 0.34582048, 0.26518692]),
        (ua.LogitUsers, 0.5, 5, [0.17394182, 0.17759409, 0.13208764]),
        (ua.LogitUsers, 0.1, 2, [0.38248917, 0.29559184, 0.26705599]),
        (ua.LogitUsers, 10, 5, [0.16747240, 0.16736295, 0.16360791]),
        (ua.LogitUsers, 0.01, 5, [0.18305267, 0.15146200, 0.14850867]),
        (ua.ProbitUsers, 0.5, 1, [0.53126398, 0.51221438, 0.40351847]),
        (ua.ProbitUsers, 0.5, 2, [0.35789396, 0.34499620, 0.25443746]),
        (ua.ProbitUsers, 0.5, 5, [0.17654866, 0.17648775, 0.12723006]),
    ],
)
def test_published_payoffs(kind, temperature, k, expected):
    users = kind(UTILITIES, temperature, WEIGHTS)
    np.testing.assert_allclose(ua.deviation_payoffs(users, POLICY, k), expected, rtol=0, atol=6e-9)


def test_one_against_one_is_bradley_terry_and_thurstone():
    gaps = np.subtract.outer(UTILITIES[0], UTILITIES[0]) / 0.7
    np.testing.assert_allclose(ua.LogitUsers(UTILITIES[:1], 0.7).pairwise(), 1 / (1 + np.exp(-gaps)), atol=1e-13)
    phi = np.vectorize(lambda x: (1 + math.erf(x / 2)) / 2)  # of x over sqrt(2)
    np.testing.assert_allclose(ua.ProbitUsers(UTILITIES[:1], 0.7).pairwise(), phi(gaps), atol=1e-13)


@given(
    st.integers(1, 4),
    st.integers(1, 12),
    st.floats(0.02, 5),
    st.sampled_from([1, 2, 7, 100]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_the_kernel_is_the_plain_quadrature(n_users, n, temperature, k, seed):
    rng = np.random.default_rng(seed)
    utilities, weights = rng.random((n_users, n)), rng.dirichlet(np.ones(n_users))
    policies, mixture = rng.dirichlet(np.ones(n), 2), rng.dirichlet(np.ones(2))
    users, plain = ua.LogitUsers(utilities, temperature, weights), SlotNoise(utilities, temperature, weights)
    contests = [one.against_samples(policies, mixture, k) for one in (users, plain)]
    np.testing.assert_allclose(contests[0].payoffs(), contests[1].payoffs(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(users.jacobian(policies[0], k), plain.jacobian(policies[0], k), rtol=0, atol=1e-12 * k)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("span", [0.5, 3, 7, 15, 31, 63, 120, 300, 3000])
@pytest.mark.parametrize("k", [1, 4, 1000])
def test_matrices_bands_and_quadrature_agree_on_chains_of_every_length(kind, span, k):
    rng = np.random.default_rng(0)
    for n in (5, 300):
        utilities = span * rng.random((3, n))
        users, policy = kind(utilities), rng.dirichlet(np.full(n, 0.3))
        payoffs = users.payoffs(policy, k)
        assert policy @ payoffs == pytest.approx(1 / (k + 1), abs=1e-13)
        some = np.arange(0, n, max(1, n // 20))[:, None]
        plain = users.against_samples(policy[None], np.ones(1), k).values(some)
        np.testing.assert_allclose(payoffs[some[:, 0]], plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_little_noise_is_none(kind):
    rng = np.random.default_rng(1)
    utilities, weights = rng.random((50, 30)), rng.dirichlet(np.ones(50))
    policies = rng.dirichlet(np.full(30, 0.3), 3)
    gap = np.diff(np.sort(utilities, axis=1), axis=1).min()
    noisy, certain = kind(utilities, gap / 50, weights), ua.Population.from_scores(utilities, weights)
    for k in (1, 2, 5, 100, 10_000):
        np.testing.assert_allclose(noisy.payoffs(policies[0], k), certain.payoffs(policies[0], k), rtol=0, atol=1e-12)
    np.testing.assert_allclose(noisy.jacobian(policies[0], 3), certain.jacobian(policies[0], 3), rtol=0, atol=1e-12)
    np.testing.assert_allclose(noisy.pairwise(), certain.pairwise(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        noisy.leave_one_out_payoffs(policies), certain.leave_one_out_payoffs(policies), rtol=0, atol=1e-12
    )
    sets = rng.integers(0, 30, (20, 3))
    np.testing.assert_allclose(
        noisy.against_outputs(policies).values(sets), certain.against_outputs(policies).values(sets), atol=1e-12
    )


@pytest.mark.parametrize("law", [LOGIT, PROBIT])
def test_nodes_are_enough_for_any_number_of_slots(law):
    """The density of the greatest of k + 1 slots integrates to 1."""
    for k in (1, 7, 15, 31, 63, 1000, 10**6):
        t, weights = law.nodes(0.0, kernel.rounded(k + 1))
        with np.errstate(divide="ignore"):
            total = weights @ ((k + 1) * np.exp(k * np.log1p(-law.sf(t))) * law.pdf(t))
        assert total == pytest.approx(1, abs=1e-13)


# Copies: what slot noise and response noise mean.


def test_a_collapsed_policy_is_punished_by_response_noise_alone():
    slot = [ua.robust_win_rate(logit(0.5), [1, 0, 0], k) for k in (1, 2, 4, 16, 64, 1024)]
    np.testing.assert_allclose(slot, [0.5, 0.643159, 0.739123, 0.887354, 0.964391, 0.997564], atol=1e-6)
    response = ua.noisy_users(UTILITIES, 0.5, WEIGHTS, samples=100_000)
    assert isinstance(response, ua.Population)
    rates = [ua.robust_win_rate(response, [1, 0, 0], k) for k in (1, 2, 16, 1024)]
    assert rates == pytest.approx([0.5, 0.530421, 0.530421, 0.530421], abs=0.005)
    assert rates[1] == pytest.approx(rates[3], abs=1e-12)  # copies tie


@pytest.mark.parametrize(
    ("k", "expected"), [(2, [0.34146939, 0.35385326, 0.28221332]), (5, [0.15125410, 0.19491728, 0.16282217])]
)
def test_response_noise_is_what_rankings_are_drawn_from(k, expected):
    users = ua.noisy_users(UTILITIES, 0.5, WEIGHTS, samples=200_000, seed=1)
    np.testing.assert_allclose(ua.deviation_payoffs(users, POLICY, k), expected, atol=0.003)
    slot = ua.noisy_users(UTILITIES, 0.5, WEIGHTS, noise="slot")
    assert np.abs(ua.deviation_payoffs(slot, POLICY, k) - expected).max() > 0.008  # the other noise is told apart


def test_users_draw_their_noise_one_by_one():
    """Noise that all users share would move their rankings together."""
    many = 400
    users = ua.noisy_users(np.zeros((many, 2)) + np.linspace(0, 1e-9, many)[:, None] * [0, 1], samples=1)
    assert users.n_users == many
    assert abs(users.favourites()[0] - 0.5) < 4 * 0.5 / math.sqrt(many)
    one = ua.noisy_users([[0.0, 0.0]], samples=1)
    assert set(one.favourites()) == {0.0, 1.0}


def test_seeds_and_names_and_numbers_of_users_are_kept():
    given = (UTILITIES, 0.5, [5, 3, 2], ["a", "b", "c"])
    first, again, other = (ua.noisy_users(*given, samples=20, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert (first.n_users, first.responses) == (10, ("a", "b", "c"))
    slot = ua.noisy_users(*given, noise="slot", law="probit")
    assert isinstance(slot, ua.ProbitUsers)
    assert (slot.n_users, slot.responses) == (10, ("a", "b", "c"))


# Equilibria and their limit.


@pytest.mark.parametrize("method", ["interior-point", "active-set", "mirror-descent"])
@pytest.mark.parametrize(
    ("temperature", "k", "expected"),
    [
        (0.1, 2, [0.65599135, 0.06745036, 0.27655829]),
        (0.1, 3, [0.63045251, 0.16618610, 0.20336139]),
        (0.1, 8, [0.53646285, 0.29008779, 0.17344936]),
        (0.5, 2, [0.74611577, 0.25388423, 0]),
        (0.5, 8, [0.59561234, 0.40438766, 0]),
        (0.5, 64, [0.54215747, 0.38947213, 0.06837041]),
    ],
)
def test_equilibria(method, temperature, k, expected):
    found = ua.solve(logit(temperature), k, method=method)
    np.testing.assert_allclose(found.policy, expected, atol=1e-6)
    assert found.converged
    assert found.unique


def test_equilibria_are_unique_where_somebody_tells_all_responses_apart():
    assert logit(0.5).strict
    assert not ua.LogitUsers([[1, 1, 0], [0, 1, 1]]).strict


@pytest.mark.parametrize(
    ("temperature", "expected"), [(0.05, 0.8000000012), (0.25, 0.8111944162), (0.5, 0.8939105856), (1, 1)]
)
def test_two_groups(temperature, expected):
    users = ua.LogitUsers([[1, 0], [0, 1]], temperature, [0.6, 0.4])
    assert ua.solve(users, 2).policy[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (logit(0.1), [0.49843533, 0.30191388, 0.19965079]),
        (logit(0.5), [0.53477342, 0.38666395, 0.07856264]),
        (ua.LogitUsers([[1, 0], [0, 1]], 0.25, [0.6, 0.4]), [0.60373147, 0.39626853]),
        (ua.LogitUsers([[1, 0], [0, 1]], 2, [0.6, 0.4]), [0.90829882, 0.09170118]),
        (ua.ProbitUsers(UTILITIES, 0.5, WEIGHTS), WEIGHTS),
    ],
)
def test_nash_welfare(users, expected):
    found = nash_welfare(users)
    np.testing.assert_allclose(found.policy, expected, atol=1e-8)
    assert found.certificate < 1e-10
    np.testing.assert_array_equal(ua.tabulate(ua.Scenario([users]), "nash-welfare", 2).average()[0], found.policy)


def test_nash_welfare_is_the_limit_of_equilibria():
    rng = np.random.default_rng(2)
    ties = ua.Population.from_scores(rng.integers(0, 3, (60, 5)))  # most have several favourites
    strict = ua.Population.from_scores(rng.random((60, 5)))
    for users in (logit(0.5), ties, strict):
        limit = nash_welfare(users)
        off = [np.abs(ua.solve(users, k).policy - limit.policy).max() for k in (10, 100, 1000)]
        assert off[2] < 2e-3
        assert off[0] > off[1] > off[2] or off[2] < 1e-9
    np.testing.assert_allclose(nash_welfare(strict).policy, strict.favourites(), atol=1e-12)
    assert np.abs(nash_welfare(ties).policy - ties.favourites()).max() > 0.01


def test_a_wrong_lottery_has_no_certificate():
    with pytest.raises(ValueError, match="what attracts PairwiseUsers is not known"):
        nash_welfare(ua.PairwiseUsers([[0.5, 0.6], [0.4, 0.5]]))
    family = ua.equilibrium_family(logit(0.5), [1, 8])
    np.testing.assert_allclose(family.limit, [0.53477342, 0.38666395, 0.07856264], atol=1e-8)
    assert family.limit_certificate < 1e-10
    assert "limit      0 0.5348" in family.summary()


# What callers hand in.


@pytest.mark.parametrize("kind", KINDS)
def test_bad_users(kind):
    bad = {
        r"utilities\[0, 1\] is nan": ([[1, np.nan]],),
        r"utilities\[0, 0\] is inf": ([[np.inf, 0]],),
        r"utilities has shape \(2,\)": ([1, 2],),
        r"utilities has shape \(0, 3\)": (np.zeros((0, 3)),),
        "temperature is 0.0": ([[1, 2]], 0),
        "temperature is -1.0": ([[1, 2]], -1),
        r"temperature\[0\] is nan": ([[1, 2]], math.nan),
        r"temperature has shape \(2,\)": ([[1, 2]], [1, 2]),
        r"differ by 1e\+13 times her temperature of 1e-13": ([[0, 1]], 1e-13),
        "weights has 2 entries": ([[1, 2]], 1, [1, 2]),
        "responses has 1 names": ([[1, 2]], 1, None, ["a"]),
    }
    for message, arguments in bad.items():
        with pytest.raises(ValueError, match=message):
            kind(*arguments)
        if "differ" not in message:
            with pytest.raises(ValueError, match=message):
                ua.noisy_users(*arguments)


def test_bad_noise():
    with pytest.raises(ValueError, match="unknown noise 'slots'; did you mean 'slot'"):
        ua.noisy_users(UTILITIES, noise="slots")
    with pytest.raises(ValueError, match="unknown law 'gumbel'"):
        ua.noisy_users(UTILITIES, law="gumbel")
    with pytest.raises(ValueError, match="samples is 0"):
        ua.noisy_users(UTILITIES, samples=0)
    with pytest.raises(ua.TooLargeError, match=r"100,000,000 rankings of 3 users are 900,000,000 numbers"):
        ua.noisy_users(UTILITIES, samples=10**8)


def test_equal_users_are_one_type():
    users = ua.LogitUsers([[0.0, 1], [-0.0, 1], [1, 0], [2, 2]], [1, 1, 1, 3], [2, 3, 5, 0])
    np.testing.assert_array_equal(users.utilities, [[0, 1], [1, 0]])
    assert users.weights.tolist() == [0.5, 0.5]
    assert users.n_users == 10
    assert users.describe(0) == "logit: 1 1, 0 0"
    for array in (users.utilities, users.temperatures, users.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2
    with pytest.raises(AttributeError):
        users.weights = np.ones(2)  # pyright: ignore[reportAttributeAccessIssue]


def test_scenarios_of_noisy_users_survive_specs_and_files(tmp_path):
    scenario = ua.Scenario([logit(0.5), ua.ProbitUsers(UTILITIES, [0.1, 0.2, 0.3])])
    assert ua.load_scenario(scenario.spec) == scenario
    scenario.save(tmp_path / "noisy.npz")
    assert ua.load_scenario(tmp_path / "noisy.npz") == scenario
    assert logit(0.5) != ua.ProbitUsers(UTILITIES, 0.5, WEIGHTS)
    assert "logit" not in repr(logit(0.5))


def test_no_warning_and_no_nan_at_the_edges():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in KINDS:
            for users in (
                kind([[1.0]]),
                kind([[3.0, 3.0]]),
                kind([[0, 1e9]]),
                kind(UTILITIES, 1e-9),
                kind(UTILITIES, 1e9),
            ):
                for k in (1, 10_000, 1_000_000):
                    n = users.n_responses
                    for policy in (np.full(n, 1 / n), np.eye(n)[0], np.eye(n)[-1]):
                        payoffs = ua.deviation_payoffs(users, policy, k)
                        assert np.isfinite(payoffs).all()
                        assert policy @ payoffs == pytest.approx(1 / (k + 1), rel=1e-8)
                    assert np.isfinite(users.jacobian(np.full(n, 1 / n), k)).all()


# Sources and readers.


def test_sources():
    slot = ua.load_scenario("random-utility/noise:slot/users:20/tau:0.3/law:probit/prompts:2")
    assert [type(users) for users in slot.populations] == [ua.ProbitUsers] * 2
    assert slot.populations[0] != slot.populations[1]
    assert isinstance(ua.load_scenario("random-utility/samples:5").populations[0], ua.Population)
    alike = ua.load_scenario("random-utility/own:0/noise:slot/users:20")
    assert alike.populations[0].n_types == 1
    (users,) = ua.load_scenario("bradley-terry/strengths:1;2;4").populations
    np.testing.assert_allclose(ua.choice_shares(users, [0, 1, 2]), np.array([1, 2, 4]) / 7, atol=1e-12)
    np.testing.assert_allclose(ua.choice_shares(users, [0, 2, 2]), np.array([1, 4, 4]) / 9, atol=1e-12)
    with pytest.raises(ValueError, match="unknown noise 'slots'"):
        ua.load_scenario("random-utility/noise:slots")
    for name in ("bradley-terry", "plackett-luce"):
        with pytest.raises(ValueError, match="strengths has 2 entries, but responses is 4: give one of them"):
            ua.load_scenario(f"{name}/strengths:1;2/responses:4")
        with pytest.raises(ValueError, match="only one of them can be given"):
            ua.load_scenario(f"{name}/strengths:1;2/spread:2")


RATINGS = {
    "user": list("aabbcc"),
    "response": list("xyxyxy"),
    "score": [1, 0, 0.2, 0.7, 0.5, 0.1],
    "group": list("gggghh"),
}


def test_ratings_are_utilities():
    scenario = ua.read_ratings(RATINGS, users="logit", tau=0.5, noise="slot", group="group")
    assert scenario.populations[0] == ua.LogitUsers([[1, 0], [0.2, 0.7], [0.5, 0.1]], 0.5, None, ["x", "y"])
    assert scenario.groups[0]["h"] == ua.LogitUsers([[0.5, 0.1]], 0.5, None, ["x", "y"])
    assert scenario.notes == ("users choose by logit at temperature 0.5, a noise for every slot",)
    drawn = ua.read_ratings(RATINGS, users="probit", tau=0.5, samples=7)
    assert drawn.populations[0] == ua.noisy_users(
        [[1, 0], [0.2, 0.7], [0.5, 0.1]], 0.5, None, ["x", "y"], law="probit", samples=7
    )
    assert drawn.notes[-1].endswith("a noise for every response: 7 rankings drawn of each")
    wide = ua.read_wide_ratings(np.array([[1, 0], [0.2, 0.7]]), users="logit", noise="slot")
    assert wide.populations[0] == ua.LogitUsers([[1, 0], [0.2, 0.7]])
    with pytest.raises(ValueError, match=r"missing is 'bottom', which makes orders, but users choose by logit"):
        ua.read_ratings(RATINGS, users="logit", missing="bottom")
    with pytest.raises(ValueError, match=r"tie_width is 0\.1, which makes orders"):
        ua.read_ratings(RATINGS, users="logit", tie_width=0.1)
    with pytest.raises(ValueError, match="tau, noise, samples and seed are of noisy users, but users is 'certain'"):
        ua.read_ratings(RATINGS, tau=0.5)


def test_ratings_are_utilities_in_specs(tmp_path):
    lines = [",".join(RATINGS)] + [",".join(map(str, row)) for row in zip(*RATINGS.values(), strict=True)]
    (tmp_path / "r.csv").write_text("\n".join(lines), encoding="utf-8")
    scenario = ua.load_scenario(f"{tmp_path / 'r.csv'}/users:logit/tau:0.5/noise:slot")
    assert scenario.populations == ua.read_ratings(RATINGS, users="logit", tau=0.5, noise="slot").populations


def comparisons(strengths: np.ndarray, times: int, rng: np.random.Generator, group: str) -> dict[str, list[str]]:
    """Returns comparisons of all pairs of three responses by users who are alike."""
    rows = {"user": [], "chosen": [], "rejected": [], "group": []}
    for i in range(times):
        for y, z in ((0, 1), (0, 2), (1, 2)):
            first = rng.random() < 1 / (1 + np.exp(strengths[z] - strengths[y]))
            better, worse = (y, z) if first else (z, y)
            for column, value in zip(rows, (f"{group}{i % 20}", "xyz"[better], "xyz"[worse], group), strict=True):
                rows[column].append(value)
    return rows


def test_comparisons_are_fitted_to_groups():
    rng = np.random.default_rng(0)
    strengths = {"g": np.array([1.0, 0.0, -1.0]), "h": np.array([-0.5, 0.0, 0.5])}
    parts = [comparisons(own, 4000, rng, group) for group, own in strengths.items()]
    table = {column: parts[0][column] + parts[1][column] for column in parts[0]}
    given: dict[str, Any] = {"rule": "bradley-terry", "users": "logit", "noise": "slot", "group": "group"}
    scenario = ua.read_pairwise(table, **given, fitted="group")
    (users,) = scenario.populations
    assert isinstance(users, ua.LogitUsers)
    assert (users.weights.tolist(), users.n_users) == ([0.5, 0.5], 40)
    for own, fitted in zip(strengths.values(), users.utilities, strict=True):
        order = [users.responses.index(name) for name in "xyz"]
        np.testing.assert_allclose(fitted[order] - fitted.mean(), own, atol=0.08)
    chances = [1 / (1 + np.exp(-(own[y] - own[z]))) for own in strengths.values() for y, z in ((0, 1), (0, 2), (1, 2))]
    expected = 4000 * sum(p * np.log(p) + (1 - p) * np.log(1 - p) for p in chances)
    note = next(note for note in scenario.notes if "log-likelihood" in note)
    assert note.startswith("strengths of 2 types of users, fitted to 24,000 comparisons of 6 pairs: log-likelihood")
    assert float(note.split()[-1].replace(",", "")) == pytest.approx(expected, rel=0.02)
    assert set(scenario.groups[0]) == {"g", "h"}
    together = ua.read_pairwise(
        {**table, "user": [""] * len(table["user"])}, **{**given, "group": ""}, fitted="all", user="nobody"
    )
    assert together.populations[0].n_types == 1
    assert together.populations[0].n_users == 24_000
    own = ua.read_pairwise(table, **given, prior=0.1)
    assert own.populations[0].n_users == 40
    assert own.populations[0].n_types > 30
    with pytest.raises(ValueError, match="but only bradley-terry fits users, and logit ones"):
        ua.read_pairwise(table, rule="copeland", users="logit")
    with pytest.raises(ValueError, match="fitted is 'all', but users are certain"):
        ua.read_pairwise(table, rule="bradley-terry", fitted="all")
    with pytest.raises(ValueError, match="no column of groups is named"):
        ua.read_pairwise(table, rule="bradley-terry", users="logit", fitted="group")
