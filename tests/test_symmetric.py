import threading
import warnings
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from threadpoolctl import threadpool_info

from ualign_env import (
    ConvergenceWarning,
    Population,
    Scenario,
    deviation_payoffs,
    exploitability,
    load_scenario,
    nash_conv,
    regularised_exploitability,
    solve,
)
from ualign_env._threads import one_blas_thread
from ualign_env.solvers.interior_point import interior_point

METHODS = ["interior-point", "active-set", "mirror-descent", "proximal"]
GERMAN_GOALS = reference.population("german-goals")


# Check values


@pytest.mark.parametrize("method", ["interior-point", "active-set", "proximal"])
def test_weighted_cycle(method):
    # the maximal lottery of margins 3/9, 5/9, 1/9 has weights 5 : 1 : 3
    population = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [4, 3, 2])
    result = solve(population, 1, tolerance=1e-12, method=method)
    np.testing.assert_allclose(result.policy, [5 / 9, 1 / 9, 3 / 9], atol=1e-9)


@pytest.mark.parametrize(("w", "p"), [(0.2, 0), (1 / 3, 0), (0.4, 0.2), (0.5, 0.5), (0.6, 0.8), (2 / 3, 1), (0.9, 1)])
def test_two_groups(w, p):
    result = solve(f"two-groups/majority:{w}", 2, tolerance=1e-13)
    # at w = 1/3 and 2/3 the equilibrium is degenerate: its error is the square root of the certificate
    np.testing.assert_allclose(result.policy, [[p, 1 - p]], atol=1e-5 if w in (1 / 3, 2 / 3) else 1e-9)


@pytest.mark.parametrize("k", [1, 2, 3, 8, 64, 10_000])
@pytest.mark.parametrize("n", [1, 2, 5, 11])
def test_cycle(n, k):
    np.testing.assert_allclose(solve(f"cycle/responses:{n}", k).policy, [[1 / n] * n], atol=1e-9)


@pytest.mark.parametrize(
    ("k", "policy"), [(1, [0, 0, 1, 0]), (3, [0.4442, 0, 0.5558, 0]), (8, [0.4317, 0.0954, 0.4728, 0])]
)
@pytest.mark.parametrize("method", METHODS)
def test_german_goals(k, policy, method):
    result = solve(GERMAN_GOALS, k, method=method)
    np.testing.assert_allclose(result.policy, policy, atol=5e-5)
    np.testing.assert_allclose(result.robust_win_rate, k / (k + 1), atol=1e-9)
    assert result.converged


# Certificates


@settings(max_examples=300)
@given(reference.users(max_responses=7, max_users=7), st.sampled_from([1, 2, 3, 5, 13, 64, 4096, 10_000]))
def test_solutions_carry_their_certificate(users, k):
    population = users.population()
    result = solve(population, k, tolerance=1e-10)
    assert result.converged
    assert result.exploitability <= 1e-10
    assert result.exploitability == pytest.approx(exploitability(population, result.policy, k), abs=1e-15)
    assert result.robust_win_rate == pytest.approx(k / (k + 1), abs=1e-9)
    assert result.support_size == np.count_nonzero(result.policy)
    np.testing.assert_allclose(result.policy.sum(), 1)


@given(reference.users(max_responses=3), st.integers(1, 3))
def test_certificates_equal_brute_force(users, k):
    result = solve(users.population(), k)
    worst = reference.deviation_payoffs(users, [result.policy] * k).max()
    assert abs(worst - 1 / (k + 1) - result.exploitability) < 1e-12


@given(reference.strict_users(max_responses=8, max_users=8), st.sampled_from([2, 3, 8, 64]), st.data())
def test_strict_populations_have_one_equilibrium(users, k, data):
    population = users.population()
    n = population.n_responses
    starts = [np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=n, max_size=n))) for _ in range(2)]
    one, two = (interior_point(population, k, 1e-13, 100, start / start.sum()).policy for start in starts)
    # Where a response without weight earns as much as the others (as for two groups of 2 : 1), the policy is only as
    # exact as the square root of the certificate.
    slack = 1 / (k + 1) - deviation_payoffs(population, one, k)
    degenerate = ((one < 1e-3) & (slack < 1e-3 / (k + 1))).any()
    np.testing.assert_allclose(one, two, atol=1e-4 if degenerate else 1e-7)


def test_duplicated_responses_share_their_weight_anyhow():
    # responses 2 and 4 are twins: many equilibria, one total
    ranks = np.column_stack([GERMAN_GOALS.ranks, GERMAN_GOALS.ranks[:, 2]])
    twins = Population.from_scores(-ranks.astype(float), GERMAN_GOALS.weights)
    for k in (1, 2, 3, 64, 10_000):
        one, two = solve(twins, k), solve(GERMAN_GOALS, k)
        assert one.converged
        np.testing.assert_allclose(one.policy[2] + one.policy[4], two.policy[2], atol=1e-6)


def test_users_of_weight_zero_and_ties_everywhere():
    population = Population.from_rankings([[0, 1, 2], [2, 1, 0]], [1, 0])
    np.testing.assert_allclose(solve(population, 5).policy, [1, 0, 0], atol=1e-9)
    indifferent = Population.from_scores([[1, 1, 1]])
    assert solve(indifferent, 5).exploitability < 1e-12


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([1, 2, 8, 64]))
def test_methods_agree(seed, k):
    population = load_scenario(f"impartial/responses:12/users:40/seed:{seed}").populations[0]
    one, two = solve(population, k, method="interior-point"), solve(population, k, method="active-set")
    assert one.converged
    assert two.converged
    if k > 1:
        np.testing.assert_allclose(one.policy, two.policy, atol=1e-4)


# Both ends of the family


@pytest.mark.parametrize("seed", range(5))
def test_one_sample_has_the_value_of_a_linear_program(seed):
    population = load_scenario(f"impartial/responses:30/users:101/seed:{seed}").populations[0]
    margins = population.pairwise() - population.pairwise().T
    n = population.n_responses
    program = linprog(
        np.append(np.zeros(n), -1),
        A_ub=np.column_stack([-margins.T, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=[[1] * n + [0]],
        b_eq=[1],
        bounds=[(0, None)] * n + [(None, None)],
    )
    policy = solve(population, 1).policy
    assert (policy @ margins).min() == pytest.approx(-program.fun, abs=1e-9)


@pytest.mark.parametrize("spec", ["german-goals", "mallows/responses:6", "euclidean/responses:12/users:200"])
def test_many_samples_tend_to_random_dictatorship(spec):
    population = load_scenario(spec).populations[0]
    distances = [np.abs(solve(population, k).policy - population.favourites()).sum() / 2 for k in (1, 8, 64, 4096)]
    assert distances[-1] < 1e-3
    assert distances == sorted(distances, reverse=True)


# Regularised equilibria


@settings(max_examples=50)
@given(
    reference.users(max_responses=6, min_responses=2), st.sampled_from([1, 2, 8, 1000]), st.floats(1e-4, 3), st.data()
)
def test_regularised_equilibria_are_fixed_points(users, k, temperature, data):
    population = users.population()
    prior = data.draw(reference.distributions(users.n_responses))
    result = solve(population, k, temperature=temperature, reference=prior, tolerance=1e-12)
    assert result.converged
    assert result.certificate == pytest.approx(
        regularised_exploitability(population, result.policy, k, temperature, prior), abs=1e-15
    )
    tilted = prior * np.exp((deviation_payoffs(population, result.policy, k) - 1) / temperature + 1)
    if tilted.sum() > 1e-200:
        # the gap is at least temperature times half of the squared total variation
        np.testing.assert_allclose(result.policy, tilted / tilted.sum(), atol=2 * np.sqrt(2e-12 / temperature))


def test_the_gap_rejects_other_policies():
    prior = np.full(4, 0.25)
    result = solve(GERMAN_GOALS, 3, temperature=0.1)
    assert result.certificate < 1e-10
    for other in (prior, solve(GERMAN_GOALS, 3).policy, np.eye(4)[0]):
        assert regularised_exploitability(GERMAN_GOALS, other, 3, 0.1, prior) > 1e-3


def test_less_regularisation_comes_closer_to_the_game():
    gaps = [solve(GERMAN_GOALS, 3, temperature=t).exploitability for t in (1, 0.1, 0.01, 0.001)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-3


@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.01])
def test_magnetic_self_play_finds_the_regularised_equilibrium(temperature):
    newton = solve("mallows/prompts:2", 2, temperature=temperature, tolerance=1e-12)
    learned = solve("mallows/prompts:2", 2, temperature=temperature, method="proximal", tolerance=1e-12)
    np.testing.assert_allclose(learned.policy, newton.policy, atol=1e-4)


def test_responses_that_the_reference_excludes_stay_out():
    result = solve(GERMAN_GOALS, 3, temperature=0.01, reference=[0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(result.policy[2:], 0)


# Whether there are others


TIED = Population.from_rankings([[0, 1], [1, 0]])
WEAK = Population.from_scores([[1, 1, 0], [0, 1, 2]])


@pytest.mark.parametrize(
    ("scenario", "k", "arguments", "unique"),
    [
        (GERMAN_GOALS, 1, {}, True),
        (TIED, 1, {}, False),
        (TIED, 1, {"method": "maximal-lottery"}, False),
        (TIED, 1, {"method": "interior-point"}, None),
        (TIED, 1, {"temperature": 0.1}, True),
        (TIED, 2, {}, True),
        (WEAK, 2, {}, None),
        (WEAK, 2, {"temperature": 0.1}, True),
        (Scenario([GERMAN_GOALS, GERMAN_GOALS]), 1, {}, True),
        (Scenario([GERMAN_GOALS, TIED]), 1, {}, False),
        (Scenario([GERMAN_GOALS, TIED]), 2, {}, True),
        (Scenario([TIED, WEAK]), 2, {}, None),
    ],
)
def test_results_tell_whether_there_are_others(scenario, k, arguments, unique):
    result = solve(scenario, k, **arguments)
    assert result.unique is unique
    assert result.to_dict()["unique"] is unique
    assert ("not the only maximal lottery" in result.summary()) == (unique is False)


def test_named_methods_may_find_another_maximal_lottery():
    # c loses to a and b, which tie: each share of a is one
    users = Population.from_rankings([[0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 1, 2], [1, 0, 2]], [2, 4, 2, 1, 1])
    np.testing.assert_allclose(solve(users, 1).policy, [0.5, 0.5, 0], atol=1e-9)
    named = solve(users, 1, method="mirror-descent", tolerance=1e-6)
    assert named.converged
    assert named.unique is None


def test_limits_on_the_steps_to_a_maximal_lottery():
    with pytest.warns(ConvergenceWarning, match="maximal-lottery stopped .* after 3 steps"):
        result = solve("impartial/responses:20", 1, max_iterations=3)
    assert (result.iterations, result.unique) == (3, None)


# Scenarios, failures, bad input


def test_prompts_are_solved_one_by_one(unequal_scenario):
    result = solve(unequal_scenario, 3)
    assert result.policy.shape == (3, 3)
    assert result.policy[1].tolist() == [1, 0, 0]
    for x, population in enumerate(unequal_scenario.populations):
        np.testing.assert_allclose(result.policy[x, : population.n_responses], solve(population, 3).policy)
    assert nash_conv(unequal_scenario, result.policy, 3) < 1e-9


def test_what_has_not_converged_says_so():
    with pytest.warns(
        ConvergenceWarning,
        match=r"stopped .* from the equilibrium of 'prompt 0', above .* 1.0e-10, after 3 steps; try more",
    ):
        result = solve("impartial/responses:20", 3, max_iterations=3)
    assert not result.converged
    assert result.exploitability > 1e-10
    assert "converged=False" in repr(result)
    np.testing.assert_allclose(result.policy.sum(), 1)
    with pytest.warns(ConvergenceWarning, match="mirror-descent stopped .* after 50 steps"):
        solve("impartial/responses:20/users:7", 1, method="mirror-descent", max_iterations=50)


def test_the_worst_prompt_is_the_one_that_is_told():
    easy, hard = load_scenario("cycle").populations[0], load_scenario("impartial/responses:20").populations[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = solve(Scenario([easy, hard, easy], prompts=["a", "b", "c"]), 3, max_iterations=3)
        alone = solve(hard, 3, max_iterations=3)
    assert (found.converged, found.certificate_prompt, found.certificate) == (False, "b", alone.certificate)
    assert found.exploitability == pytest.approx(alone.certificate / 3, abs=1e-12)
    assert found.iterations == 3 + 2 * solve(easy, 3).iterations


def test_the_seconds_of_all_prompts_are_added_up(monkeypatch):
    clock = count(1000)
    monkeypatch.setattr("ualign_env.solvers.symmetric.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert solve("cycle/prompts:3", 2).seconds == 3


@pytest.mark.parametrize("method", METHODS)
def test_steps_are_counted_and_limited(method):
    users = load_scenario("impartial/responses:20").populations[0]
    assert solve(users, 3, method=method, tolerance=1e-6).iterations > 3
    with pytest.warns(ConvergenceWarning):
        assert solve(users, 3, method=method, max_iterations=3).iterations == 3


def test_one_newton_step_is_enough_where_it_is_hot():
    # a change of the temperature and a step; none where the reference is the equilibrium
    assert solve(GERMAN_GOALS, 3, temperature=1e6).iterations == 2
    assert solve("cycle", 3, temperature=0.1).iterations == 0
    with pytest.warns(ConvergenceWarning, match="after 1?[0-9] steps"):
        assert solve(GERMAN_GOALS, 3, temperature=1e-3, max_iterations=5).iterations >= 5


def test_every_tolerance_is_met():
    population = load_scenario("impartial/responses:20").populations[0]
    for k in (1, 3, 64):
        errors = [solve(population, k, tolerance=t).exploitability for t in (1e-2, 1e-6, 1e-12)]
        assert errors[0] <= 1e-2
        assert errors[1] <= 1e-6
        assert errors[2] <= 1e-12


def test_impossible_tolerances_end_with_the_best():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = solve("impartial/responses:20", 3, tolerance=1e-300)
    assert result.exploitability < 1e-13
    # without the dust of responses that are not in the support
    assert result.support_size == solve("impartial/responses:20", 3).support_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": 0}, "tolerance is 0, but must be positive"),
        ({"tolerance": -1e-3}, "tolerance is -0.001"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"method": "interior"}, "unknown method 'interior'; did you mean 'interior-point'"),
        ({"method": None}, "unknown method 'None'"),
        ({"method": "newton"}, "method 'newton' needs a temperature above 0"),
        ({"tolerance": True}, "tolerance is True"),
        ({"method": "maximal-lottery"}, "method 'maximal-lottery' is for k = 1, not for k = 3"),
        ({"k": 0}, "k is 0"),
        ({"k": 10**10}, "k is 10000000000, but must be an integer from 1 to 1000000"),
        ({"temperature": -1}, "temperature is -1"),
        ({"reference": [0.25] * 4}, "a reference policy needs a temperature above 0"),
        ({"temperature": 1, "reference": [0.5, 0.5]}, "policy has 2 entries, but the scenario has 4 responses"),
        (
            {"temperature": 1, "reference": [[[0.25] * 4]]},
            "the reference must be one policy|policy has 1 policies, but k is 3",
        ),
        (
            {"temperature": 1, "method": "active-set"},
            "method 'active-set' knows no temperature; use one of auto, newton, proximal",
        ),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"scenario": 5}, "expected a Scenario, a Population or other Users, a spec or a path, not 5"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        solve(**({"scenario": "german-goals", "k": 3} | arguments))


@pytest.mark.parametrize(("k", "support"), [(1, 1), (2, 2), (3, 2), (8, 3), (64, 4)])
def test_policies_have_no_dust(k, support):
    assert solve(GERMAN_GOALS, k).support_size == support


def test_unconverged_dynamics_return_their_best():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        errors = [
            solve("impartial/responses:20/users:7", 1, method="mirror-descent", max_iterations=steps).exploitability
            for steps in (10, 100, 1000)
        ]
    assert errors == sorted(errors, reverse=True)


def test_almost_everybody_weighs_nothing():
    weights = np.zeros(5000)
    weights[1] = 1
    population = Population.from_scores(np.random.default_rng(0).random((5000, 101)), weights)
    result = solve(population, 3)
    assert result.method == "active-set"
    np.testing.assert_allclose(result.policy, population.favourites(), atol=1e-9)


def test_near_twins_with_wide_weights():
    # two responses that only a user of weight 1e-10 tells apart: Newton's steps along their difference are all but
    # arbitrary, and the undamped system of exact twins is singular
    scores = [[2, 1, 3, 3, 2], [1, 3, 0, 2, 1], [1, 1, 0, 1, 1]]
    for weights in ([0.99957, 0.00043, 2.6e-10], [1, 1, 0]):
        for k in (1, 3, 64, 1000, 10_000):
            assert solve(Population.from_scores(scores, weights), k, tolerance=1e-11).converged


@pytest.mark.parametrize(("k", "temperature", "tiny"), [(3, 1e-4, 1e-12), (3, 1e-5, 1e-10), (8, 1e-6, 1e-8)])
def test_references_that_all_but_exclude_a_response(k, temperature, tiny):
    population = Population.from_rankings([[0, 1], [1, 0]])
    result = solve(population, k, temperature=temperature, reference=[tiny, 1 - tiny])
    assert result.converged
    np.testing.assert_allclose(result.policy, [0.5, 0.5], atol=0.01)


@pytest.mark.parametrize("temperature", [1e3, 1e7, 1e12, 1e16, 1e300])
def test_certificates_do_not_drown_at_high_temperatures(temperature):
    assert solve(GERMAN_GOALS, 3, temperature=temperature, tolerance=1e-12).converged
    # a policy that is off by a thousandth costs at least temperature times half the squared distance
    off = np.array([0.251, 0.249, 0.25, 0.25])
    assert regularised_exploitability(GERMAN_GOALS, off, 3, temperature) > temperature * 1e-6


@pytest.mark.parametrize("share", [1 / 2, 1e-3, 1e-9])
def test_certificates_of_all_but_the_reference(share):
    # indifferent users pay everybody alike, so that the equilibrium is the reference (share, 1 - share), and the
    # gain of another policy is temperature * KL: with ratios 1 + x and 1 - x q / (1 - q) of the two,
    # q ((1 + x) log(1 + x) - x) and its twin, here by the Taylor series of the logarithm
    def deviation(x):
        return sum((-1) ** n * x**n / (n * (n - 1)) for n in range(2, 9))

    indifferent = Population.from_scores([[1, 1]])
    for x in (9e-4, -9e-4, 1e-6, 0.01):
        y = -x * share / (1 - share)
        policy = [share * (1 + x), (1 - share) * (1 + y)]
        gain = regularised_exploitability(indifferent, policy, 2, 3.0, [share, 1 - share])
        expected = 3.0 * (share * deviation(x) + (1 - share) * deviation(y))
        assert gain == pytest.approx(expected, rel=1e-6 if x == 1e-6 else 1e-8, abs=0)


@pytest.mark.parametrize("k", [1, 1000, 1_000_000])
def test_the_proximal_method_scales_with_k(k):
    assert solve(GERMAN_GOALS, k, method="proximal").iterations < 5000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": [1, 0]}, "policy has 2 entries, but the scenario has 4 responses"),
        ({"policy": [5, -2, -1, -1]}, "must not be negative"),
        ({"k": 0}, "k is 0"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"reference": [1, 1, 0, 0]}, "sums to 2"),
    ],
)
def test_the_gap_checks_its_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        regularised_exploitability(
            **({"scenario": "german-goals", "policy": [0.25] * 4, "k": 3, "temperature": 1} | arguments)
        )
    assert regularised_exploitability(GERMAN_GOALS, [0.5, 0.5, 0, 0], 3, 1, [1, 0, 0, 0]) == np.inf


def test_solving_in_several_threads_leaves_blas_as_it_was():
    def threads_of_blas():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = threads_of_blas()
    solvers = [threading.Thread(target=lambda: [solve(GERMAN_GOALS, 3) for _ in range(20)]) for _ in range(4)]
    for solver in solvers:
        solver.start()
    for solver in solvers:
        solver.join()
    assert threads_of_blas() == before


def test_the_blas_that_numpy_brings_is_kept_to_one_thread():
    brought = {path.name for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*")}
    if not brought:
        pytest.skip("this NumPy brings no BLAS of its own")
    with one_blas_thread():
        limited = {Path(library["filepath"]).name for library in threadpool_info() if library["num_threads"] == 1}
    assert brought <= limited


def test_results_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        solve(GERMAN_GOALS, 3).policy[0] = 1


def test_large_games():
    scenario = Scenario([load_scenario("euclidean/responses:300/users:1500/dimensions:8").populations[0]])
    for k in (1, 64):
        result = solve(scenario, k, tolerance=1e-11)
        assert result.method == ("maximal-lottery" if k == 1 else "active-set")
        assert result.converged


def test_steps_that_raise_the_residual_are_halved(monkeypatch):
    # found among 160,000 random populations with weights over many orders of magnitude
    scores = [[7, 9, 8, 1, 6, 3, 6], [1, 4, 2, 8, 8, 5, 4], [5, 6, 6, 4, 1, 6, 5], [2, 2, 9, 6, 4, 4, 3]]
    weights = [0.008932690373485644, 0.044242100896779414, 0.2107623185393032, 0.000192687713719309]
    population = Population.from_scores(scores, weights)
    assert solve(population, 500, tolerance=1e-11).converged
    # the broken twin: without the limit on the residual's growth the method circles
    monkeypatch.setattr("ualign_env.solvers.interior_point._GROWTH", np.inf)
    with pytest.warns(ConvergenceWarning):
        assert not solve(population, 500, tolerance=1e-11, max_iterations=45).converged


def test_unlucky_starts_are_given_up():
    # from here the steps go round in circles, at first
    population = Population.from_scores([[1, 2, 0], [2, 1, 0]])
    start = np.array([1, 0.03125, 0.5])
    assert exploitability(population, interior_point(population, 2, 1e-12, 40, start / start.sum()).policy, 2) > 0.1
    assert exploitability(population, interior_point(population, 2, 1e-12, 100, start / start.sum()).policy, 2) < 1e-12


def test_twins_and_weights_of_many_magnitudes():
    # of such populations, a factorisation with column instead of row pivots leaves one in 600 above the tolerance
    rng = np.random.default_rng(77)
    for _ in range(3000):
        n, users = rng.integers(2, 12, size=2)
        scores = rng.integers(0, 4, (users, n)).astype(float)
        scores[:, 0] = scores[:, rng.integers(n)]
        population = Population.from_scores(scores, rng.random(users) ** 8 + 1e-15)
        k = int(rng.choice([1, 2, 20, 64, 500, 10_000]))
        policy = interior_point(population, k, 1e-12, 200).policy
        assert deviation_payoffs(population, policy, k).max() - 1 / (k + 1) <= 1e-12
