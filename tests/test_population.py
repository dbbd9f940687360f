import pickle

import numpy as np
import pytest
import reference
from hypothesis import given

from ualign_env import Population, Users, load_scenario

# 4 x a>b>c, 3 x b>c>a, 2 x c>a>b
WEIGHTED_CYCLE = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], weights=[4, 3, 2], responses=list("abc"))


def test_attributes():
    population = Population.from_rankings([[2, 0, 1], [0, 1, 2], [2, 0, 1]], responses=["x", "y", "z"])
    assert (population.n_responses, population.n_types, population.n_users) == (3, 2, 3)
    assert population.responses == ("x", "y", "z")
    np.testing.assert_array_equal(population.ranks, [[0, 1, 2], [1, 2, 0]])
    np.testing.assert_allclose(population.weights, [1 / 3, 2 / 3])


def test_ties_share_a_rank():
    population = Population.from_scores([[5.0, 5.0, 1.0], [0.0, -2.0, -2.0], [-0.0, 0.0, 7.0]])
    np.testing.assert_array_equal(population.ranks, [[0, 0, 1], [0, 1, 1], [1, 1, 0]])


def test_rankings_are_strict_where_nobody_is_indifferent():
    assert Population.from_rankings([[0, 1, 2], [2, 1, 0]]).strict
    assert not Population.from_scores([[0, 1, 2], [1, 1, 2]]).strict
    assert Population.from_scores([[0, 1, 2], [1, 1, 2]], [1, 0]).strict


def test_only_the_order_of_scores_matters():
    assert Population.from_scores([[1, 2, 3]]) == Population.from_scores([[-1e300, 0, 1e-300]])


def test_integer_weights_count_respondents():
    assert WEIGHTED_CYCLE.n_users == 9
    assert Population.from_rankings([[0, 1], [1, 0]], weights=[3.0, 2.0]).n_users == 5
    assert Population.from_rankings([[0, 1], [1, 0]], weights=[2**62, 2**62]).n_users == 2**63
    assert Population.from_rankings([[0, 1], [1, 0]], weights=[0.6, 0.4]).n_users == 2


def test_huge_and_tiny_weights_are_scaled():
    np.testing.assert_allclose(Population.from_rankings([[0, 1], [1, 0]], [1e308, 1e308]).weights, [0.5, 0.5])
    np.testing.assert_allclose(Population.from_rankings([[0, 1], [1, 0]], [5e-324, 5e-324]).weights, [0.5, 0.5])


def test_pairwise_shares_of_the_weighted_cycle():
    # a over b: the 4 and the 2 of 9; b over c: 4 + 3; c over a: 3 + 2
    np.testing.assert_allclose(WEIGHTED_CYCLE.pairwise() * 9, [[4.5, 6, 4], [3, 4.5, 7], [5, 2, 4.5]])
    assert WEIGHTED_CYCLE.condorcet_winner() is None


def test_winners():
    # Borda: a 4*2+2*1 = 10, b 4*1+3*2 = 10, c 3*1+2*2 = 7, so that a and b tie and the first counts
    assert WEIGHTED_CYCLE.borda() == 0
    assert WEIGHTED_CYCLE.plurality() == 0
    np.testing.assert_allclose(WEIGHTED_CYCLE.favourites() * 9, [4, 3, 2])
    # plurality elects 0, the Condorcet winner 1 beats it by 5 : 4, and is the Borda winner too
    population = Population.from_rankings([[0, 1, 2], [1, 0, 2], [2, 1, 0]], [4, 3, 2])
    assert (population.plurality(), population.condorcet_winner(), population.borda()) == (0, 1, 1)


def test_exact_majority_ties_are_not_won():
    # 0.1 + 0.2 + 0.3 is not 0.6 in floating point: a tie must survive that
    rankings = [[0, 1], [0, 1], [0, 1], [1, 0]]
    assert Population.from_rankings(rankings, [0.1, 0.2, 0.3, 0.6]).condorcet_winner() is None
    assert Population.from_rankings([[0]]).condorcet_winner() == 0


@pytest.mark.parametrize("more", [2, 1_000, 1_000_000])
def test_narrow_majorities_win(more):
    # of ten billion: far above rounding, far below a percent
    narrow = Population.from_rankings([[0, 1], [1, 0]], [5_000_000_000 - more, 5_000_000_000 + more])
    assert (narrow.condorcet_winner(), narrow.plurality(), narrow.borda()) == (1, 1, 1)


@pytest.mark.parametrize("slots", [[0, 0, 0], [3, 0, 3, 1, 2], [2, 1, 3, 3, 0]])
def test_tied_slots_are_drawn_in_equal_parts(slots):
    # three slots tie: the first has the numbers up to a third of 2^32, 1431655765 and a bit, and so on
    user = Population.from_scores([[2, 2, 2, 1]])
    tied = [i for i, y in enumerate(slots) if y < 3]
    numbers = np.array([0, 1, 2, 1431655765, 1431655766, 2863311530, 2863311531, 2**32 - 1], np.uint32)
    picks = user.pick(np.zeros(8, np.int64), np.tile(slots, (8, 1)), numbers)
    assert picks.tolist() == [tied[i] for i in (0, 0, 0, 0, 1, 1, 2, 2)]
    np.testing.assert_array_equal(Users.pick(user, np.zeros(8, np.int64), np.tile(slots, (8, 1)), numbers), picks)


def test_tied_favourites_share_their_user():
    np.testing.assert_allclose(Population.from_scores([[1, 1, 0], [0, 0, 1]]).favourites(), [0.25, 0.25, 0.5])


@given(reference.users())
def test_pairwise_against_the_definition(users):
    expected = np.zeros((users.n_responses,) * 2)
    for scores, weight in zip(users.scores, users.weights, strict=True):
        difference = np.subtract.outer(scores, scores)
        expected += weight * (0.5 + 0.5 * np.sign(difference))
    population = users.population()
    np.testing.assert_allclose(population.pairwise(), expected, atol=reference.ATOL)
    np.testing.assert_allclose(population.pairwise()[population.borda()].sum(), expected.sum(axis=1).max())


def test_immutable_also_after_pickling():
    for population in (WEIGHTED_CYCLE, pickle.loads(pickle.dumps(WEIGHTED_CYCLE))):
        assert population == WEIGHTED_CYCLE
        assert hash(population) == hash(WEIGHTED_CYCLE)
        with pytest.raises(ValueError, match="read-only"):
            population.ranks[0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            population.weights[0] = 1
        with pytest.raises(AttributeError):
            population.n_users = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_input_arrays_stay_the_callers():
    scores, weights = np.array([[1.0, 2.0]]), np.array([1.0])
    population = Population.from_scores(scores, weights)
    scores[0, 0] = weights[0] = 3
    assert population == Population.from_scores([[1.0, 2.0]])
    ranks = np.array([[0, 1]])
    population = Population(ranks, np.ones(1), ("a", "b"), 1)
    ranks[0] = [1, 0]
    assert population.ranks.tolist() == [[0, 1]]


def test_equality_does_not_depend_on_the_order_of_users():
    one = Population.from_rankings([[0, 1, 2], [2, 1, 0]], [2, 1])
    two = Population.from_rankings([[2, 1, 0], [0, 1, 2]], [1, 2])
    assert one == two
    assert hash(one) == hash(two)
    assert one != Population.from_rankings([[2, 1, 0], [0, 1, 2]], [2, 1])


def test_the_same_data_makes_the_same_population():
    # however its rows are shuffled, its counts are split, and whatever has no weight
    for one, other in (
        (([[0, 1, 2], [2, 1, 0]], [4, 3]), ([[0, 1, 2], [0, 1, 2], [2, 1, 0]], [1, 3, 3])),
        (([[0, 1, 2], [2, 1, 0]], [4, 3]), ([[2, 1, 0], [1, 0, 2], [0, 1, 2]], [3, 0, 4])),
        (([[0, 1], [1, 0]] * 5, np.arange(10) / 7), ([[1, 0], [0, 1]] * 5, np.arange(10)[::-1] / 7)),
    ):
        left, right = Population.from_rankings(*one), Population.from_rankings(*other)
        assert (left, left.digest, hash(left)) == (right, right.digest, hash(right))
        np.testing.assert_array_equal(left.ranks, right.ranks)
        np.testing.assert_array_equal(left.weights, right.weights)
    rng = np.random.default_rng(0)
    rankings, weights = [rng.permutation(4) for _ in range(50)], rng.random(50)
    expected = Population.from_rankings(rankings, weights)
    for order in (rng.permutation(50) for _ in range(20)):
        assert Population.from_rankings([rankings[i] for i in order], weights[order]) == expected
    assert Population.from_rankings([[0, 1], [1, 0]], [1, 2]) != Population.from_rankings([[0, 1], [1, 0]], [2, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.int8, np.uint64, np.bool_])
def test_weights_of_every_type_make_the_same_kind_of_population(dtype):
    weights = np.array([1, 1, 0], dtype) if dtype is np.bool_ else np.array([4, 3, 2], dtype)
    population = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], weights, responses=list("abc"))
    assert population.weights.dtype == np.float64
    assert population.weights.sum() == pytest.approx(1, abs=1e-15)
    assert pickle.loads(pickle.dumps(population)) == population
    if dtype is not np.bool_:
        assert population == WEIGHTED_CYCLE


def test_weights_that_vanish_and_hidden_ones():
    population = Population.from_rankings([[0, 1], [0, 1], [1, 0]], [1.5, 1.5, 5e-324])
    assert population.weights.tolist() == [1.0]
    assert pickle.loads(pickle.dumps(population)) == population
    with pytest.raises(ValueError, match="weights has masked entries"):
        Population.from_rankings([[0, 1], [1, 0]], np.ma.masked_equal([1, 2], 2))


def test_restricted_counts_stay_exact():
    rng = np.random.default_rng(0)
    for _ in range(100):
        rankings, counts = [rng.permutation(4) for _ in range(12)], rng.integers(1, 50, 12)
        kept = rng.permutation(4)[:3]
        places = [[int(np.flatnonzero(kept == y)[0]) for y in row if y in kept] for row in rankings]
        expected = Population.from_rankings(places, counts, [str(y) for y in kept])
        assert Population.from_rankings(rankings, counts).restricted(kept) == expected


def test_restricted_users_with_equal_orders_are_one_type():
    goals = load_scenario("german-goals").populations[0]
    assert goals.n_types == 24
    two = goals.restricted([0, 2])
    assert two.n_types == 2
    np.testing.assert_allclose(two.favourites(), [goals.pairwise()[0, 2], goals.pairwise()[2, 0]])


def test_a_subclass_is_not_silently_taken_for_its_rankings():
    with pytest.raises(TypeError, match="another way of choosing is a subclass of Users"):
        type("Whimsical", (Population,), {})


def test_restricted_to_some_responses():
    population = Population.from_scores([[3, 1, 2, 3], [0, 0, 1, 2]], responses=list("abcd"))
    part = population.restricted([3, 0, 1])
    assert part.responses == ("d", "a", "b")
    np.testing.assert_array_equal(part.ranks, [[0, 0, 1], [0, 1, 1]])
    for bad in ([], [0, 0], [4], [0, 4], [-1], [0, -1], [0.5], [[0]]):
        with pytest.raises(ValueError, match="responses"):
            population.restricted(bad)


def test_resampled():
    sample = WEIGHTED_CYCLE.resampled([2, 0, 2, 2])
    assert (sample.n_users, sample.n_types) == (4, 2)
    # the types are in the order of their ranks: a>b>c, c>a>b, b>c>a
    np.testing.assert_array_equal(WEIGHTED_CYCLE.ranks, [[0, 1, 2], [1, 2, 0], [2, 0, 1]])
    np.testing.assert_allclose(sample.favourites(), [1 / 4, 3 / 4, 0])
    for bad in ([], [3], [0, 3], [-1], [0, -1], [0.5], [[0]]):
        with pytest.raises(ValueError, match="types"):
            WEIGHTED_CYCLE.resampled(bad)


def test_restricted_to_all_responses_reorders_them():
    population = WEIGHTED_CYCLE.restricted([2, 0, 1])
    assert population.responses == ("c", "a", "b")
    np.testing.assert_allclose(population.favourites(), WEIGHTED_CYCLE.favourites()[[2, 0, 1]])


def test_ranks_beyond_int16():
    n = 40_000
    population = Population.from_rankings([np.arange(n)])
    assert population.ranks.max() == n - 1


def test_one_response_one_user():
    population = Population.from_scores([[3]])
    assert (population.n_responses, population.n_types, population.borda()) == (1, 1, 0)
    np.testing.assert_array_equal(population.pairwise(), [[0.5]])


@pytest.mark.parametrize(
    ("rankings", "message"),
    [
        ([[0, 1], [0, 0]], r"rankings\[1\] is \[0, 0\], but must be a permutation of 0..1"),
        ([[1, 2]], r"rankings\[0\] is \[1, 2\]"),
        ([[0, 1], [0]], "rankings must be a rectangular array"),
        ([0, 1], r"rankings has shape \(2,\)"),
        ([], r"rankings has shape \(0,\)"),
        ([[]], r"rankings has shape \(1, 0\)"),
        ([[0.0, 1.0]], "must hold integers"),
        ([["a", "b"]], "must be a rectangular array of numbers"),
    ],
)
def test_bad_rankings(rankings, message):
    with pytest.raises(ValueError, match=message):
        Population.from_rankings(rankings)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([[0, np.nan]], r"scores\[0, 1\] is nan, but must be finite"),
        ([[0, 1], [np.inf, 1]], r"scores\[1, 0\] is inf"),
        ([["x", "y"]], "must be a rectangular array of numbers"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ([[2**53, 2**53 + 1]], r"only integers up to 2\^53 are exact"),
        (np.ma.masked_equal([[1.0, 2.0]], 2.0), "masked"),
    ],
)
def test_bad_scores(scores, message):
    with pytest.raises(ValueError, match=message):
        Population.from_scores(scores)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "weights has 1 entries, but there are 2 rows of users"),
        ([1, -1], r"weights\[1\] is -1, but weights must not be negative"),
        ([0, 0], "weights are all zero"),
        ([1, np.nan], r"weights\[1\] is nan"),
        ([[1], [1]], "must have 1 axes"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        Population.from_rankings([[0, 1], [1, 0]], weights)


@pytest.mark.parametrize(
    ("responses", "message"),
    [(["a"], "responses has 1 names, but there are 2"), (["a", "a"], "'a' is given twice"), ([1, 2], "not 1")],
)
def test_bad_names(responses, message):
    with pytest.raises(ValueError, match=message):
        Population.from_rankings([[0, 1]], responses=responses)


@pytest.mark.parametrize(
    ("ranks", "weights", "message"),
    [
        ([[1, 2]], [1.0], "must start at 0"),
        ([[0, 2]], [1.0], "none may be skipped"),
        ([[0, 1]], [0.5], "weights sum to 0.5"),
        ([0, 1], [1.0], "integers"),
    ],
)
def test_the_bare_constructor_lets_nothing_past_the_kernels(ranks, weights, message):
    with pytest.raises(ValueError, match=message):
        Population(np.array(ranks, np.int16), np.array(weights), ("a", "b"), 1)
