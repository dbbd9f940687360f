import inspect
import itertools
import json
import types

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from reference import ATOL

import ualign_env
from ualign_env import (
    JointPolicy,
    Mixture,
    Players,
    Population,
    Scenario,
    SharedPolicy,
    exploitability,
    load_scenario,
    nash_conv,
    robust_win_rate,
    score,
)
from ualign_env.solvers.best_responses import BestResponses

GERMAN_GOALS = load_scenario("german-goals")
# two prompts with 3 and 2 responses, chances 1/4 and 3/4
UNEQUAL = Scenario(
    [Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]]), Population.from_rankings([[0, 1], [1, 0]], [3, 1])],
    probabilities=[0.25, 0.75],
)
UNIFORM = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, 0]])


@given(reference.users(), st.data(), st.integers(1, 3))
def test_metrics_equal_brute_force(users, data, k):
    policy = data.draw(reference.distributions(users.n_responses))
    worst = reference.deviation_payoffs(users, [policy] * k).max()
    population = users.population()
    np.testing.assert_allclose(robust_win_rate(population, policy, k), 1 - worst, atol=ATOL)
    np.testing.assert_allclose(exploitability(population, policy, k), worst - 1 / (k + 1), atol=ATOL)
    np.testing.assert_allclose(nash_conv(population, policy, k), (k + 1) * worst - 1, atol=10 * ATOL)


@given(reference.users(max_responses=3, max_users=3), st.data(), st.integers(1, 2))
def test_profiles_equal_brute_force(users, data, k):
    players = [data.draw(reference.distributions(users.n_responses)) for _ in range(k + 1)]
    gains, rates = [], []
    for i, own in enumerate(players):
        payoffs = reference.deviation_payoffs(users, players[:i] + players[i + 1 :])
        gains.append(payoffs.max() - own @ payoffs)
        rates.append(1 - payoffs.max())
    card = score(users.population(), np.array(players)[:, None, :], k)
    assert card.nash_conv == pytest.approx(sum(gains), abs=ATOL)
    assert card.leave_one_out_win_rate == pytest.approx(np.mean(rates), abs=ATOL)
    average = np.mean(players, axis=0)
    worst = reference.deviation_payoffs(users, [average] * k).max()
    np.testing.assert_allclose(card.robust_win_rate, 1 - worst, atol=ATOL)


@given(reference.strict_users(), st.data(), st.sampled_from([1, 2, 5, 64]))
def test_no_product_policy_beats_the_optimal_rate(users, data, k):
    policy = data.draw(reference.distributions(users.n_responses))
    assert robust_win_rate(users.population(), policy, k) <= k / (k + 1) + ATOL


def test_different_outputs_can_beat_it():
    # halves with opposite rankings of two responses: showing both, the opponent ties with one and gets 1/4,
    # where two samples of one policy concede 1/3
    population = load_scenario("two-groups/majority:0.5").populations[0]
    card = score(population, [[[1, 0]], [[0, 1]]], 2)
    np.testing.assert_allclose(card.robust_win_rate, 0.75)
    np.testing.assert_allclose(card.shortfall, 2 / 3 - 0.75)
    assert card.nash_conv is None
    assert card.leave_one_out_win_rate is None


def test_what_cannot_be_exceeded_is_not_exceeded_by_rounding():
    for n in range(2, 12):
        for k in (1, 2, 3, 5, 9):
            assert score(f"cycle/responses:{n}", "uniform", k, curve=()).shortfall == pytest.approx(0, abs=1e-14)
            assert score(f"cycle/responses:{n}", "uniform", k, curve=()).shortfall >= 0
    # against two responses it is a bound: both of them earn 1, 1/2 or 1/3 where none, one or two of the samples are
    # what a user likes, (1 + 1 + 1/3) / 4 in all
    assert score("two-groups/majority:0.5", "uniform", 2, l=2).shortfall == pytest.approx(1 / 3 - 5 / 12)


def test_scorecard_of_the_german_goals():
    card = score(GERMAN_GOALS, [0, 0, 1, 0], 3)
    np.testing.assert_allclose(card.robust_win_rate, 0.5318, atol=5e-5)
    assert card.optimal_rate == 0.75
    np.testing.assert_allclose(card.shortfall, 0.75 - card.robust_win_rate)
    assert card.nash_conv == pytest.approx(4 * card.shortfall)
    assert card.best_responses == ((0,),)
    assert (card.entropy, card.effective_responses) == (0.0, 1.0)
    # copies of one response are no better than one, but for the ties with themselves at k = 1
    assert [k for k, _ in card.curve] == [1, 2, 4, 8, 16, 32, 64]
    np.testing.assert_allclose([rate for _, rate in card.curve], [0.5] + [card.robust_win_rate] * 6)
    assert json.loads(json.dumps(card.to_dict()))["robust_win_rate"] == card.robust_win_rate


def test_prompts_are_weighted_and_padded():
    card = score(UNEQUAL, UNIFORM, 2)
    # the cycle concedes 1/3; of the two groups the majority's response earns 3/4 (1 - 1/8) / (3/2) + 1/4 / 12 = 11/24
    np.testing.assert_allclose(card.prompt_win_rates, [2 / 3, 13 / 24])
    np.testing.assert_allclose(card.robust_win_rate, 2 / 3 / 4 + 13 / 24 * 3 / 4)
    assert card.worst_prompt == 1
    assert card.best_responses[1] == (0,)
    np.testing.assert_allclose(card.entropy, np.log(3) / 4 + np.log(2) * 3 / 4)
    np.testing.assert_allclose(card.effective_responses, np.exp(card.entropy))


def test_the_worst_prompt_is_the_one_with_the_lowest_rate_however_rare():
    rare = Scenario(UNEQUAL.populations, probabilities=[0.95, 0.05])
    assert score(rare, UNIFORM, 2).worst_prompt == 1
    assert score(Scenario(UNEQUAL.populations[::-1], probabilities=[0.95, 0.05]), UNIFORM[::-1], 2).worst_prompt == 0


@pytest.mark.parametrize(("k", "l", "rate"), [(3, 1, 3 / 4), (3, 2, 1 / 2), (2, 3, 0), (1, 3, 0)])
def test_what_equilibria_guarantee(k, l, rate):
    assert score("cycle", "uniform", k, l=l, curve=()).optimal_rate == pytest.approx(rate)


def test_players_of_unequal_prompts():
    players = np.random.default_rng(0).dirichlet(np.ones(2), (3, 2))
    first = np.concatenate([players[:, 0] * 0.8, np.full((3, 1), 0.2)], axis=1)
    card = score(UNEQUAL, np.stack([first, np.pad(players[:, 1], ((0, 0), (0, 1)))], axis=1), 2)
    alone = [
        score(users, own[:, None, :], 2) for users, own in zip(UNEQUAL.populations, (first, players[:, 1]), strict=True)
    ]
    for metric in ("robust_win_rate", "leave_one_out_win_rate", "nash_conv", "entropy"):
        one, other = (getattr(own, metric) for own in alone)
        assert abs(one - other) > 0.01
        assert getattr(card, metric) == pytest.approx(0.25 * one + 0.75 * other)


@pytest.mark.parametrize("methods", list(itertools.product(("enumeration", "milp", "greedy"), repeat=2)))
def test_the_least_certain_search_is_reported(monkeypatch, methods):
    found = iter(BestResponses((0, 0), 0.5, 0.5 + 0.1 * (m == "greedy"), m != "greedy", m) for m in methods)
    monkeypatch.setattr("ualign_env.scoring.scored_policy.respond", lambda *_: next(found))
    card = score(UNEQUAL, UNIFORM, 2, l=2, curve=())
    certain = ("greedy", "milp", "enumeration")
    assert card.opponent_method == next(method for method in certain if method in methods)
    assert card.proven == ("greedy" not in methods)
    bounds = [0.4 if method == "greedy" else 0.5 for method in methods]
    assert card.proven_rate == pytest.approx(0.25 * bounds[0] + 0.75 * bounds[1])


def test_tabular_policies_have_the_right_number_of_axes():
    for wrong in (Players(UNIFORM), SharedPolicy(UNIFORM[None])):
        with pytest.raises(ValueError, match=r"there are 2 players, but must be 3|3 axes, but must have \[P, N\]"):
            score(UNEQUAL, wrong, 2)


def test_weights_of_a_mixture_are_scaled():
    one, two = (score(GERMAN_GOALS, Mixture(np.eye(4)[:2], weights), 2) for weights in ([1, 3], [0.25, 0.75]))
    assert one == two
    np.testing.assert_allclose(Mixture(np.eye(4)[:2], [1, 3]).average(), [0.25, 0.75, 0, 0])


def test_the_curve_covers_k_and_can_be_chosen():
    assert score(GERMAN_GOALS, [0.25] * 4, 100).curve[-1][0] == 64
    assert score(GERMAN_GOALS, [0.25] * 4, 10_000).curve[-1][0] == 8192
    card = score(GERMAN_GOALS, [0.25] * 4, 3, curve=[3, 5])
    assert card.curve[0] == (3, card.robust_win_rate)
    assert card.curve[1][0] == 5


def test_all_kinds_of_policies_agree():
    policy = [0.4, 0.1, 0.4, 0.1]
    expected = score(GERMAN_GOALS, policy, 2)
    for same in (
        [policy],
        np.array(policy, np.float64),
        SharedPolicy(np.array([policy])),
        lambda _: policy,
    ):
        assert score(GERMAN_GOALS, same, 2) == expected
    for same in ([[policy]] * 3, Players(np.array([[policy]] * 3)), Mixture([policy, policy], [1, 3])):
        card = score(GERMAN_GOALS, same, 2)
        np.testing.assert_allclose(card.robust_win_rate, expected.robust_win_rate)
        np.testing.assert_allclose([rate for _, rate in card.curve], [rate for _, rate in expected.curve])
    assert score("german-goals", policy, 2) == expected
    assert robust_win_rate(GERMAN_GOALS.populations[0], policy, 2) == expected.robust_win_rate


def test_callables_see_the_prompt():
    seen = []

    def policy(observation):
        seen.append(observation)
        return UNIFORM[int(observation.argmax())][: 3 - int(observation.argmax())]

    assert score(UNEQUAL, policy, 2) == score(UNEQUAL, UNIFORM, 2)
    np.testing.assert_array_equal(seen[:2], np.eye(2))


def test_mixtures_average_payoffs_and_their_average_policy_is_no_worse():
    policies = [[0, 0, 1, 0], [1, 0, 0, 0]]
    mixture = score(GERMAN_GOALS, Mixture(policies, [0.6, 0.4]), 3)
    average = score(GERMAN_GOALS, [0.4, 0, 0.6, 0], 3)
    assert mixture.robust_win_rate < average.robust_win_rate
    assert mixture.nash_conv is None
    np.testing.assert_allclose(mixture.entropy, average.entropy)
    np.testing.assert_allclose(exploitability(GERMAN_GOALS, Mixture(policies, [0.6, 0.4]), 3), mixture.shortfall)
    with pytest.raises(ValueError, match="a mixture correlates the players and has no NashConv"):
        nash_conv(GERMAN_GOALS, Mixture(policies, [0.6, 0.4]), 3)


@pytest.mark.parametrize(
    ("policy", "k", "message"),
    [
        ([0.5, 0.5], 2, "policy has 2 entries, but the scenario has 4 responses"),
        ([[0.25] * 4] * 2, 2, r"policy has shape \(2, 4\)"),
        (
            [[[0.25] * 4]] * 5,
            3,
            r"policy has 5 policies, but k is 3: expected 4 \(the game's players\) or 3 \(outputs\)",
        ),
        ([[0.5], [0.25, 0.25]], 2, "policy must be a rectangular array"),
        ("unifrom", 2, "unknown policy 'unifrom'; did you mean 'uniform'"),
        (None, 2, "policy"),
        ([0.5, 0.5, 0.5, 0.5], 2, "policy sums to 2"),
        ([0.5, 0.5, 0.5, -0.5], 2, r"policy\[3\] is -0.5"),
        (lambda _: [1, 0], 2, "the policy answered 'prompt 0' with 2 probabilities, not 4"),
        (lambda _: np.eye(4), 2, r"the policy's answer has shape \(4, 4\)"),
        (Mixture([[0.25] * 4], [1, 1]), 2, "weights has 2 entries, but there are 1 policies"),
        (Mixture([[0.5] * 2], [1]), 2, r"policies has shape \(1, 1, 2\)"),
        (Mixture([[0.25] * 4], [0]), 2, "weights are all zero"),
        ([0.25] * 4, 0, "k is 0"),
        ([0.25] * 4, 2.0, "k is 2.0"),
    ],
)
def test_bad_input(policy, k, message):
    for function in (score, robust_win_rate, exploitability, nash_conv):
        with pytest.raises(ValueError, match=message):
            function(GERMAN_GOALS, policy, k)


def test_responses_beyond_a_prompts_own_are_refused():
    with pytest.raises(ValueError, match="policy gives 'prompt 1' a response beyond the 2 that it has"):
        score(UNEQUAL, np.full((2, 3), 1 / 3), 2)


def test_outputs_of_different_policies_have_no_nash_conv():
    for metric in (exploitability, nash_conv):
        with pytest.raises(ValueError, match="2 outputs with different policies are no profile of the game"):
            metric(GERMAN_GOALS, [[[0.25] * 4]] * 2, 2)


def test_joint_policies_are_scored_by_their_win_rate():
    together = JointPolicy((np.array([[0, 2]]),), (np.ones(1),), 4)
    card = score(GERMAN_GOALS, together, 2)
    assert card.robust_win_rate == pytest.approx(0.7340848806)
    assert card.shortfall == pytest.approx(2 / 3 - 0.7340848806)
    assert card.nash_conv is None
    np.testing.assert_allclose(together.average(), [[0.5, 0, 0.5, 0]])
    for function in (exploitability, nash_conv):
        with pytest.raises(ValueError, match=r"only their win rate exists|have no NashConv"):
            function(GERMAN_GOALS, together, 2)


@pytest.mark.parametrize(
    ("sets", "chances", "message"),
    [
        ([[[0, 2]], [[0, 1]]], [[1], [1]], "the joint policy is for 2 prompts"),
        ([[[0, 2, 1]]], [[1]], r"sets\[0\] is int64 of shape \(1, 3\), but must be integers \[M, 2\]"),
        ([[[0, 4]]], [[1]], r"sets\[0\] holds responses that 'prompt 0' hasn't got"),
        ([[[0, 1]]], [[0.5]], "sums to 0.5"),
        ([[[0, 1]]], [[0.5, 0.5]], r"chances\[0\] has 2 entries, but sets\[0\] has 1 rows"),
    ],
)
def test_wrong_joint_policies(sets, chances, message):
    with pytest.raises(ValueError, match=message):
        score(GERMAN_GOALS, JointPolicy(tuple(sets), tuple(chances), 4), 2)


def test_every_metric_takes_one_tabulation_and_one_payoff_pass(monkeypatch):
    """All of them share one evaluation: a callable is asked once a prompt, payoffs are computed once."""
    asked, passes, against = [], [], []
    payoffs, leave_one_out = SharedPolicy.payoffs, Players.leave_one_out_payoffs
    for table in (SharedPolicy, Players):
        monkeypatch.setattr(table, "payoffs", lambda self, *rest: passes.append(1) or payoffs(self, *rest))
    monkeypatch.setattr(
        Players, "leave_one_out_payoffs", lambda self, *rest: against.append(1) or leave_one_out(self, *rest)
    )

    def policy(observation):
        asked.append(1)
        return UNIFORM[int(observation.argmax())]

    for metric in (robust_win_rate, exploitability, nash_conv, lambda *given: score(*given, curve=[2])):
        asked.clear()
        passes.clear()
        metric(UNEQUAL, policy, 2)
        assert (len(asked), len(passes)) == (2, 1)
    for metric, expected in ((robust_win_rate, (1, 0)), (exploitability, (0, 1)), (nash_conv, (0, 1)), (score, (7, 1))):
        passes.clear()
        against.clear()
        metric(UNEQUAL, Players(np.array([UNIFORM] * 3)), 2)
        # the default curve has the powers of two up to 64, of which one is k itself
        assert (len(passes), len(against)) == expected


def test_the_first_argument_is_the_scenario():
    others = {
        "list_scenarios",
        "load_scenario",
        "register_scenario",
        "cached_game",
        "tensor_game",
        "matrix_game",
        "save_nfg",
    }
    # of scores, samples and utilities that belong to no scenario yet
    others |= {"group_rewards", "evaluate_generations", "noisy_users", "save_nfg"}
    others |= {"agent", "cite", "greedy", "run", *(name for name in ualign_env.__all__ if name.startswith("read_"))}
    functions = {name for name in ualign_env.__all__ if inspect.isfunction(getattr(ualign_env, name))}
    assert len(functions - others) > 20
    for name in functions - others:
        parameters = inspect.signature(getattr(ualign_env, name)).parameters
        assert next(iter(parameters)) == "scenario", name
        assert not {"population", "target", "opponents"} & set(parameters), name


@pytest.mark.parametrize(
    "form", ["german-goals", GERMAN_GOALS, GERMAN_GOALS.populations[0]], ids=["spec", "scenario", "users"]
)
def test_every_function_takes_a_scenario_a_spec_or_users(form):
    rates = [
        1 - ualign_env.deviation_payoffs(form, "nlhf", 2).max(),
        1 - ualign_env.best_responses(form, "nlhf", 2, 1).value,
        robust_win_rate(form, "nlhf", 2),
        score(form, "nlhf", 2).robust_win_rate,
        ualign_env.win_rate(form, "nlhf", 2, 0),
        ualign_env.win_rate_curve(form, [2]).baselines["nlhf"][0],
        2 / 3 - exploitability(form, "nlhf", 2),
        2 / 3 - nash_conv(form, "nlhf", 2) / 3,
    ]
    np.testing.assert_allclose(rates, rates[0])
    values = [ualign_env.solve_versus(form, 2, 1).value, ualign_env.versus_map(form, 2, 1).together[1, 0]]
    np.testing.assert_allclose(values, 0.73408488, atol=1e-8)
    assert ualign_env.choice_shares(form, [0, 1]).sum() == 1
    assert ualign_env.payoff_tensor(form, 2).shape == (2, 4, 4)
    assert ualign_env.leave_one_out_payoffs(form, [[[0.25] * 4]] * 3).shape[0] == 3
    assert ualign_env.tabulate(form, "nlhf", 2).average().tolist() == [[0, 0, 1, 0]]
    assert (
        ualign_env.load_game(form, 3).num_players() == ualign_env.equilibrium_family(form, [1, 2, 3]).policies.shape[0]
    )


def test_solutions_are_policies():
    for form in ("german-goals", GERMAN_GOALS.populations[0]):
        assert score(form, ualign_env.solve(form, 3), 3).robust_win_rate == pytest.approx(0.75)
        assert score(form, ualign_env.solve_versus(form, 2, 1), 2).robust_win_rate == pytest.approx(0.73408488)
    with pytest.raises(ValueError, match=r"sets\[0\] is int64 of shape \(1, 2\), but must be integers \[M, 3\]"):
        score("german-goals", ualign_env.solve_versus("german-goals", 2, 1), 3)


def test_one_row_stands_for_all_prompts_of_a_size(unequal_scenario):
    row = [0.5, 0.2, 0.2, 0.1]
    spec = "mallows/responses:4/prompts:3"
    assert score(spec, row, 2) == score(spec, [row] * 3, 2)
    # these rotate their responses: number 1 of one is number 0 of the next
    with pytest.raises(
        ValueError, match=r"one row for 3 prompts, but 'more say' is response 1 of one and 0 of 'prompt 1'"
    ):
        score("german-goals/prompts:3", row, 2)
    with pytest.raises(ValueError, match=r"policy has shape \(3,\), but the scenario has 3 prompts and 3 responses"):
        score(unequal_scenario, [0.5, 0.25, 0.25], 2)


NAMES = GERMAN_GOALS.populations[0].responses


def test_names_of_prompts_and_responses_are_a_policy(unequal_scenario):
    row = dict(zip(NAMES, (0.5, 0.2, 0.2, 0.1), strict=True))
    backwards = dict(reversed(row.items()))
    numbers = ({name: kind(p) for name, p in row.items()} for kind in (np.float32, np.array))
    for names in (row, backwards, types.MappingProxyType(row), *numbers):
        learned = ualign_env.tabulate(GERMAN_GOALS, names, 2)
        np.testing.assert_allclose(learned.average(), [[0.5, 0.2, 0.2, 0.1]], atol=1e-7)
        one_prompt = ualign_env.tabulate(GERMAN_GOALS, {GERMAN_GOALS.prompts[0]: names}, 2)
        np.testing.assert_array_equal(one_prompt.average(), learned.average())
    # whose responses have another number on each prompt, which no row for all can mean
    rotated = ualign_env.load_scenario("german-goals/prompts:3")
    table = ualign_env.tabulate(rotated, {NAMES[1]: 0.25, NAMES[3]: 0.75}, 2).average()
    for users, found in zip(rotated.populations, table, strict=True):
        assert dict(zip(users.responses, found, strict=True)) == dict.fromkeys(NAMES, 0.0) | {
            NAMES[1]: 0.25,
            NAMES[3]: 0.75,
        }
    prompts = unequal_scenario.prompts
    named = {
        prompt: {name: 1 / len(users.responses) for name in users.responses}
        for prompt, users in zip(prompts, unequal_scenario.populations, strict=True)
    }
    backwards = dict(reversed(named.items()))
    assert (
        score(unequal_scenario, backwards, 2).robust_win_rate == score(unequal_scenario, "uniform", 2).robust_win_rate
    )


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            {},
            r"policy is {}, but must be {response: probability} for all prompts, or {prompt: {response: probability}}",
        ),
        ({NAMES[0]: 1, "prompt 0": {NAMES[0]: 1}}, r"but must be {response: probability} for all prompts"),
        ({NAMES[0]: 0.5}, "policy on 'prompt 0' sums to 0.5, but must sum to 1"),
        ({"prompt 0": {}}, "policy on 'prompt 0' sums to 0, but must sum to 1"),
        ({"prompt 1": {NAMES[0]: 1}}, "unknown prompt 'prompt 1'; did you mean 'prompt 0'"),
        ({NAMES[0] + "s": 1}, f"unknown response to 'prompt 0' '{NAMES[0]}s'; did you mean '{NAMES[0]}'"),
        ({0: 1.0}, "policy names the response 0, but names are texts"),
        ({0: {NAMES[0]: 1.0}}, "policy names the prompt 0, but names are texts"),
        ({"prompt 0": [1, 0, 0, 0]}, r"policy is {'prompt 0': \[1, 0, 0, 0\]}, but must be {response: probability}"),
        ({NAMES[0]: np.ma.masked}, "probability of 'maintain order' on 'prompt 0' has masked entries"),
        ({"prompt 0": "peace"}, "unknown response to 'prompt 0' 'peace'"),
        ({"x" * 100_000: 1}, r"unknown response to 'prompt 0' 'x{60,99}\.\.\.x{20,40}'; known: "),
        ({NAMES[0]: float("nan"), NAMES[1]: 1}, "probability of 'maintain order' on 'prompt 0' is nan"),
        ({NAMES[0]: -0.5, NAMES[1]: 1.5}, "probability of 'maintain order' on 'prompt 0' is -0.5"),
        ({NAMES[0]: True}, "probability of 'maintain order' on 'prompt 0' is True, but must be a number from 0 to 1"),
        ({NAMES[0]: None}, "probability of 'maintain order' on 'prompt 0' is None, but must be a number from 0 to 1"),
    ],
)
def test_wrong_names(policy, message):
    with pytest.raises(ValueError, match=message):
        score(GERMAN_GOALS, policy, 2)


def test_wrong_names_on_several_prompts(unequal_scenario):
    first, _, few = unequal_scenario.populations
    assert (first.responses[1], first.responses[1] in few.responses) == ("1", True)
    with pytest.raises(ValueError, match="policy names '1' for every prompt, but only 2 of 3 have it, and 'prompt 1'"):
        score(unequal_scenario, {"1": 1.0}, 2)
    one = {unequal_scenario.prompts[0]: {unequal_scenario.populations[0].responses[0]: 1}}
    with pytest.raises(ValueError, match="policy says nothing of 'prompt 1', but must name every prompt"):
        score(unequal_scenario, one, 2)


def test_a_response_alone_is_always_shown():
    rotated = ualign_env.load_scenario("german-goals/prompts:3")
    shown = dict(zip(rotated.prompts, NAMES, strict=False))
    rows = [np.eye(4)[users.responses.index(name)] for users, name in zip(rotated.populations, NAMES, strict=False)]
    np.testing.assert_array_equal(ualign_env.tabulate(rotated, shown, 2).average(), rows)


def test_labels_of_frames_are_not_ignored():
    pd = pytest.importorskip("pandas")
    row = dict(zip(NAMES, (0.5, 0.2, 0.2, 0.1), strict=True))
    series = pd.Series(row).iloc[::-1]
    np.testing.assert_allclose(
        ualign_env.tabulate(GERMAN_GOALS, series, 2).average(), [[0.5, 0.2, 0.2, 0.1]], atol=1e-15
    )
    with pytest.raises(
        ValueError, match=r"policy is a DataFrame with columns \['maintain order', .*to_dict\('index'\)"
    ):
        score(GERMAN_GOALS, pd.DataFrame([row]), 2)
    frame = pd.DataFrame([row], index=GERMAN_GOALS.prompts)
    assert score(GERMAN_GOALS, frame.to_dict("index"), 2) == score(GERMAN_GOALS, row, 2)
    for unnamed in (pd.Series(list(row.values())), pd.DataFrame([list(row.values())])):
        assert score(GERMAN_GOALS, unnamed, 2) == score(GERMAN_GOALS, list(row.values()), 2)


def test_equilibria_of_one_file_are_read_by_names_in_another():
    orders = [("a", "b", "c"), ("b", "c", "a"), ("b", "a", "c"), ("c", "a", "b")]

    def made(names, prompts=("p", "q")):
        rankings = [[names.index(y) for y in order] for order in orders]
        users = [
            ualign_env.Population.from_rankings(rankings, weights, names) for weights in ([4, 2, 1, 3], [1, 2, 1, 1])
        ]
        return ualign_env.Scenario(users if prompts[0] == "p" else users[::-1], prompts)

    scenario, other = made(["a", "b", "c"]), made(["c", "a", "b"], ("q", "p"))
    for k in (1, 2, 3):
        found = ualign_env.solve(scenario, k)
        assert score(other, found, k).robust_win_rate == pytest.approx(k / (k + 1), abs=1e-9)
        assert score(scenario.part([1]), found, k).robust_win_rate == pytest.approx(k / (k + 1), abs=1e-9)
    by_position = score(other, ualign_env.solve(scenario, 2).policy, 2).robust_win_rate
    assert by_position < 0.6  # which is what reading them by number would give
    alone, renamed = scenario.part([0]), other.part([1])
    versus = ualign_env.solve_versus(alone, 2, 1)
    assert score(renamed, versus, 2).robust_win_rate == pytest.approx(
        score(alone, versus, 2).robust_win_rate, abs=1e-12
    )
    fewer = ualign_env.Population.from_rankings([[0, 1], [1, 0]], [3, 1], ["a", "b"])
    for found in (ualign_env.solve(alone, 2), ualign_env.solve_versus(alone, 2, 2)):
        with pytest.raises(ValueError, match="unknown response to 'prompt 0' 'c'; known: a, b"):
            score(fewer, found, 2)
    with pytest.raises(ValueError, match=r"policy was found for the prompts \('p',\), not for \('q', 'p'\)"):
        score(other, ualign_env.solve(alone, 2), 2)
