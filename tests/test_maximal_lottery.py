from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import entr
from slot_noise import SlotNoise

from ualign_env import Population, Scenario, equilibrium_family, exploitability, load_scenario, solve, win_rate_curve
from ualign_env.solvers import maximal_lottery as module
from ualign_env.solvers.baselines import baseline
from ualign_env.solvers.maximal_lottery import maximal_lotteries, maximal_lottery

T_SHIRTS = reference.DATA / "preflib" / "00012-00000001.soc"
needs_data = pytest.mark.skipif(not T_SHIRTS.exists(), reason="the data are not part of the package")

CYCLE = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [4, 3, 2])
TIED = Population.from_rankings([[0, 1], [1, 0]])


def segment(first: int, second: int) -> Population:
    """Responses a and b tie, a beats c by 2 * first users and c beats b by 2 * second: lotteries on a and b alone.

    With share p of a, c does not win where `p * first >= (1 - p) * second`.
    """
    return Population.from_rankings([[0, 2, 1], [1, 0, 2], [2, 1, 0], [0, 2, 1]], [first, first, second, second])


# Checkers: margins and linear programs, straight from the definition


def lowest(users, costs) -> np.ndarray:
    """Returns a maximal lottery, a vertex, at which the costs are least."""
    shares, n = users.pairwise(), users.n_responses
    program = linprog(
        costs,
        A_ub=shares - shares.T,
        b_ub=np.zeros(n),
        A_eq=np.ones((1, n)),
        b_eq=[1],
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert program.success
    return program.x


def entropy_to_gain(users, policy) -> float:
    """Returns the slope of the entropy towards the best other maximal lottery: 0 where it is greatest, else above."""
    slope = -np.log(np.maximum(policy, 1e-300))
    return float(slope @ lowest(users, -slope) - slope @ policy)


def spans(users) -> np.ndarray:
    """Returns `[N, 2]` the least and the largest share of each response in a maximal lottery."""
    return np.array([[lowest(users, sign * e)[y] for sign in (1, -1)] for y, e in enumerate(np.eye(users.n_responses))])


def rank(matrix: list[list[Fraction]]) -> int:
    """Returns the rank of a matrix, exactly."""
    rows, found = [row[:] for row in matrix], 0
    for column in range(len(rows)):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            factor = rows[i][column] / rows[found][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def exact_margins(users) -> list[list[Fraction]]:
    """Returns the margins as fractions; weights must be whole counts."""
    counts = np.rint((users.pairwise() - users.pairwise().T) * users.n_users).astype(int)
    return [[Fraction(int(count), users.n_users) for count in row] for row in counts]


@st.composite
def counted(draw, max_responses=6):
    """A few users, whole numbers of them, many tied."""
    n = draw(st.integers(1, max_responses))
    row = st.one_of(st.permutations(range(n)).map(tuple), st.tuples(*[st.integers(0, 2)] * n))
    scores = draw(st.lists(row, min_size=1, max_size=6))
    return Population.from_scores(scores, draw(st.lists(st.integers(1, 3), min_size=len(scores), max_size=len(scores))))


# Check values


@pytest.mark.parametrize(
    ("users", "policy", "dimension"),
    [
        (Population.from_rankings([[0]]), [1], 0),
        (TIED, ["1/2", "1/2"], 1),
        (Population.from_scores([[1, 1, 1]]), ["1/3"] * 3, 2),
        (Population.from_rankings([[0, 1, 2, 3], [3, 2, 1, 0]], [0.3, 0.3]), ["1/4"] * 4, 3),
        # margins a>b 3/9, b>c 5/9, c>a 1/9: a lottery against which all margins vanish has weights 5 : 1 : 3
        (CYCLE, ["5/9", "1/9", "3/9"], 0),
        # the same with a twin of a: the entropy is greatest where twins share equally
        (
            Population.from_scores([[3, 2, 1, 3], [1, 3, 2, 1], [2, 1, 3, 2]], [4, 3, 2]),
            ["5/18", "1/9", "3/9", "5/18"],
            1,
        ),
        # p >= 2/3, of which 2/3 is nearest to 1/2; and p >= 1/3, so that 1/2 is possible; and p >= 1/2, both at once
        (segment(1, 2), ["2/3", "1/3", 0], 1),
        (segment(2, 1), ["1/2", "1/2", 0], 1),
        (segment(2, 2), ["1/2", "1/2", 0], 1),
        (segment(1, 0), ["1/2", "1/2", 0], 1),
    ],
)
def test_check_values(users, policy, dimension):
    expected = [Fraction(share) for share in policy]
    margins = exact_margins(users)
    assert all(sum(p * row[z] for p, row in zip(expected, margins, strict=True)) >= 0 for z in range(len(expected)))
    found = maximal_lotteries(users)
    np.testing.assert_allclose(found.policy, np.array(expected, float), atol=1e-8)
    assert (found.dimension, found.unique) == (dimension, dimension == 0)
    assert found.support == tuple(np.flatnonzero(np.array(expected, float)))
    assert found.distance <= 1e-8


@pytest.mark.parametrize("spec", ["german-goals", "majority-trap", "euclidean/dimensions:1/users:101"])
def test_condorcet_winners_get_everything(spec):
    population = load_scenario(spec).populations[0]
    found = maximal_lotteries(population)
    np.testing.assert_array_equal(found.policy, np.eye(population.n_responses)[population.condorcet_winner()])
    assert found.unique


@needs_data
def test_t_shirts():
    """30 people, two responses that tie with each other: a third and two thirds, where another response ties too."""
    users = load_scenario(str(T_SHIRTS)).populations[0]
    found = maximal_lotteries(users)
    assert (found.unique, found.dimension, found.support) == (False, 1, (5, 9))
    np.testing.assert_allclose(found.policy[[5, 9]], [1 / 3, 2 / 3], atol=1e-8)
    np.testing.assert_allclose(spans(users)[[5, 9]], [[0, 1 / 3], [2 / 3, 1]], atol=1e-8)


# What makes it the one


@settings(max_examples=300)
@given(st.one_of(counted(), reference.users(max_responses=6, max_users=6).map(reference.Users.population)))
def test_is_an_equilibrium_of_greatest_entropy(users):
    policy = maximal_lottery(users)
    assert exploitability(users, policy, 1) < 1e-12
    assert entropy_to_gain(users, policy) < 1e-6


def test_the_checker_rejects_other_maximal_lotteries():
    for users in (TIED, segment(1, 2), segment(2, 1), Population.from_scores([[1, 1, 1]])):
        assert entropy_to_gain(users, maximal_lottery(users)) < 1e-6
        n = users.n_responses
        vertices = [lowest(users, np.arange(n)), lowest(users, -np.arange(n))]
        for other in (*vertices, 0.9 * maximal_lottery(users) + 0.1 * vertices[0]):
            if np.abs(other - maximal_lottery(users)).max() > 1e-6:
                assert exploitability(users, other, 1) < 1e-9
                assert entropy_to_gain(users, other) > 1e-2


@settings(max_examples=50)
@given(counted(), st.integers(0, 1000))
def test_no_vertex_has_more_entropy(users, seed):
    rng, most = np.random.default_rng(seed), entr(maximal_lottery(users)).sum()
    for _ in range(5):
        assert entr(lowest(users, rng.normal(size=users.n_responses)).clip(0)).sum() <= most + 1e-7


@settings(max_examples=50)
@given(counted(max_responses=5), st.sampled_from([1, 0.1, 0.01, 1e-3, 1e-4]))
def test_regularised_equilibria_have_at_least_its_entropy(users, temperature):
    heated = solve(users, 1, temperature=temperature, tolerance=1e-13).policy
    assert entr(heated).sum() >= entr(maximal_lottery(users)).sum() - 1e-6


@pytest.mark.parametrize("users", [CYCLE, TIED, segment(1, 2), segment(2, 1), segment(2, 2)])
def test_is_the_limit_of_regularised_equilibria(users):
    limit = maximal_lottery(users)
    away = [np.abs(solve(users, 1, temperature=t).policy - limit).max() for t in (0.1, 1e-2, 1e-3, 1e-4)]
    assert away[-1] < 5e-3
    assert all(after <= before + 1e-9 for before, after in pairwise(away))


@needs_data
def test_the_limit_for_t_shirts():
    users = load_scenario(str(T_SHIRTS)).populations[0]
    np.testing.assert_allclose(solve(users, 1, temperature=1e-4).policy, maximal_lottery(users), atol=5e-3)


# Whether there are others


@settings(max_examples=100)
@given(counted())
def test_uniqueness_and_support_equal_brute_force(users):
    found, shares = maximal_lotteries(users), spans(users)
    assert found.unique == (np.ptp(shares, axis=1).max() < 1e-7)
    assert found.support == tuple(np.flatnonzero(shares[:, 1] > 1e-7))
    margins = exact_margins(users)
    inner = [[margins[y][z] for z in found.support] for y in found.support]
    assert found.dimension == len(inner) - 1 - rank(inner)


@settings(max_examples=50)
@given(reference.strict_users(max_responses=7, max_users=7))
def test_odd_numbers_of_strict_users_have_one(users):
    if len(users.scores) % 2:
        # Laffond, Laslier and Le Breton, "A Theorem on Symmetric Two-Player Zero-Sum Games", 1997
        assert maximal_lotteries(users.population()).unique


def test_narrow_majorities_are_no_ties():
    crowd = 10**11
    for more, expected in ((0, [0.5, 0.5]), (1, [0, 1])):
        users = Population.from_rankings([[0, 1], [1, 0]], [crowd, crowd + more])
        np.testing.assert_array_equal(maximal_lottery(users), expected)
    # weights that differ by rounding are tied: three tenths are 0.1 + 0.2 in sum
    users = Population.from_rankings([[0, 1], [0, 1], [1, 0]], [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(maximal_lottery(users), [0.5, 0.5])


def test_weights_of_many_magnitudes():
    rng = np.random.default_rng(5)
    for _ in range(300):
        n, rows = rng.integers(2, 12, size=2)
        scores = rng.integers(0, 4, (rows, n))
        scores[:, 0] = scores[:, rng.integers(n)]
        users = Population.from_scores(scores, rng.random(rows) ** rng.choice([1, 8, 40]) + 1e-15)
        found = maximal_lotteries(users)
        assert found.unique is not None
        assert found.certificate <= 1e-12


def test_faces_far_smaller_than_shares():
    # a and c tie, a loses to b by all but one user in 10^8, and c beats b by that one: up to about 1e-8 of a
    users = Population.from_rankings([[1, 0, 2], [2, 1, 0], [2, 1, 0], [0, 2, 1]], [10**8, 10**8, 1, 1])
    found = maximal_lotteries(users)
    assert found.dimension == 1
    margins = exact_margins(users)
    assert margins[0][2] == 0
    most = float(margins[2][1] / (margins[2][1] + margins[1][0]))
    np.testing.assert_allclose(found.policy, [most, 0, 1 - most], atol=1e-10)


# Many responses


@settings(max_examples=100)
@given(counted(max_responses=8))
def test_taking_few_responses_at_first_changes_nothing(users):
    with pytest.MonkeyPatch.context() as patch:
        whole = maximal_lotteries(users)
        patch.setattr(module, "_SMALL", 0)
        patch.setattr(module, "_FEW", 1)
        few = maximal_lotteries(users)
    np.testing.assert_allclose(few.policy, whole.policy, atol=2e-8)
    assert (few.unique, few.support, few.dimension) == (whole.unique, whole.support, whole.dimension)


def test_responses_that_tie_must_join(monkeypatch):
    monkeypatch.setattr(module, "_SMALL", 0)
    monkeypatch.setattr(module, "_FEW", 1)
    assert maximal_lotteries(TIED).unique is False
    # the broken twin: only winners join
    monkeypatch.setattr(module, "_NEAR", -1e-9)
    assert maximal_lotteries(TIED).unique


@pytest.mark.parametrize("n", [300, 700])
def test_hundreds_of_responses(n):
    users = load_scenario(f"impartial/responses:{n}/users:10/seed:1").populations[0]
    found = maximal_lotteries(users)
    assert not found.unique
    assert found.certificate < 1e-12
    assert entropy_to_gain(users, found.policy) < 1e-6


def test_everybody_ties_with_everybody():
    users = Population.from_rankings([range(500), range(500)[::-1]])
    found = maximal_lotteries(users)
    np.testing.assert_allclose(found.policy, 1 / 500, atol=1e-12)
    assert found.dimension == 499


def test_large_faces_between_inequalities():
    # two users who all but disagree: those of 200 responses that both could not improve, and the others around them
    rng = np.random.default_rng(0)
    place = rng.random(200)
    users = Population.from_scores([place, 0.1 * rng.random(200) - place])
    found = maximal_lotteries(users)
    good = tuple(y for y in range(200) if not any((users.ranks[:, z] < users.ranks[:, y]).all() for z in range(200)))
    assert found.support == good
    assert found.dimension == len(good) - 1 > 30
    assert entropy_to_gain(users, found.policy) < 1e-5


# One thing, wherever it is asked for


@pytest.mark.parametrize(
    "users", [CYCLE, segment(1, 2), load_scenario("impartial/responses:250/users:10").populations[0]]
)
def test_it_is_the_same_everywhere(users):
    policy = maximal_lottery(users)
    scenario = Scenario([users])
    np.testing.assert_array_equal(maximal_lottery(users), policy)
    np.testing.assert_array_equal(solve(users, 1).policy, policy)
    np.testing.assert_array_equal(baseline(scenario, "nlhf")[0], policy)
    np.testing.assert_array_equal(equilibrium_family(users, [1]).policies[0], policy)
    curve = win_rate_curve(users, [1])
    assert curve.baselines["nlhf"][0] == pytest.approx(curve.equilibria[0], abs=1e-12)


def test_users_who_choose_noisily_have_it():
    # two types who mirror each other tie
    np.testing.assert_allclose(maximal_lottery(SlotNoise([[1.0, 0.0], [0.0, 1.0]], 0.3)), [0.5, 0.5], atol=1e-12)
    for seed in range(20):
        users = SlotNoise(np.random.default_rng(seed).random((5, 6)), 0.3)
        found = maximal_lotteries(users)
        assert found.unique
        assert exploitability(users, found.policy, 1) < 1e-12


@pytest.mark.parametrize(("limit", "known"), [(3, False), (500, True)])
def test_what_was_not_found_out_is_none(limit, known):
    users = load_scenario("impartial/responses:20/users:10").populations[0]
    found = module.search(users, limit).lotteries
    assert (found.unique is not None) == (found.dimension is not None) == (found.advice is None) == known
    np.testing.assert_allclose(found.policy.sum(), 1)
    if not known:
        assert found.distance == pytest.approx(np.sqrt(2))
        assert found.advice is not None
        assert found.advice in found.summary()


def test_summaries_tell_how_many_there_are():
    assert "the only one" in maximal_lotteries(CYCLE).summary()
    assert "face of dimension 1" in maximal_lotteries(segment(1, 2)).summary()
