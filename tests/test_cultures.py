"""Random scenarios have the distributions of their definitions.

Seeds are fixed: a test fails with probability 0 or 1, and a right sampler had a chance of 0.1 % to fail (`LEAST`).
"""

from collections.abc import Callable, Sequence
from itertools import combinations, permutations

import numpy as np
import pytest
import reference
from scipy import stats
from scipy.special import comb

from ualign_env import Population, Users, load_scenario
from ualign_env.sources import cultures, domains, mallows

LEAST = 1e-3  # the p-value below which a check rejects
DEVIATIONS = 3.3  # how many standard errors as improbable lie

Chances = dict[tuple[int, ...], float]


def uniform(orders: list[tuple[int, ...]]) -> Chances:
    return dict.fromkeys(orders, 1 / len(orders))


def p_value(spec: str, chances: Chances) -> float:
    """Returns how well users' rankings fit the chances of each, by a chi-square test; 0 where another one occurs."""
    population = reference.population(spec)
    observed = dict.fromkeys(chances, 0.0)
    for ranks, weight in zip(population.ranks, population.weights, strict=True):
        order = tuple(int(response) for response in np.argsort(ranks))
        if order not in chances:
            return 0.0
        observed[order] += weight * population.n_users
    assert sum(chances.values()) == pytest.approx(1)
    expected = [population.n_users * chance for chance in chances.values()]
    return float(stats.chisquare(list(observed.values()), expected).pvalue)


def agree(populations: Sequence[Users], m: int, chance: float) -> bool:
    """Returns whether m users have the same ranking with a probability, on the average over populations."""
    users = populations[0].n_users
    counts = [np.rint(population.weights * users) for population in populations]
    shares = [np.sum(comb(count, m)) / comb(users, m) for count in counts]
    return bool(abs(np.mean(shares) - chance) < DEVIATIONS * np.std(shares) / np.sqrt(len(shares)))


def agreement(spec: str) -> np.ndarray:
    """Returns whether two users have the same ranking, for each prompt of a scenario of two users."""
    return np.array([users.n_types == 1 for users in load_scenario(spec).populations])


def is_chance(happened: np.ndarray, chance: float) -> bool:
    return bool(stats.binomtest(int(happened.sum()), happened.size, chance).pvalue > LEAST)


# --- impartial culture


def test_impartial_rankings_are_equally_likely():
    spec = "impartial/responses:4/users:24000/seed:1"
    assert p_value(spec, uniform(list(permutations(range(4))))) > LEAST
    assert p_value("mallows/phi:0.97/responses:4/users:24000/seed:1", uniform(list(permutations(range(4))))) < LEAST


# --- Mallows models


def expected_distance(phi: float, n: int) -> float:
    """The expected Kendall distance of a Mallows model (Fligner & Verducci, JRSS B 1986), for 0 < phi < 1."""
    return n * phi / (1 - phi) - sum(i * phi**i / (1 - phi**i) for i in range(1, n + 1))


@pytest.mark.parametrize("n", [2, 3, 10, 50, 1000])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.4])
def test_phi_gives_the_share_of_swaps(n, share):
    pairs = n * (n - 1) / 2
    assert expected_distance(mallows.phi_of(share, n), n) / pairs == pytest.approx(share, rel=1e-6)
    # the check rejects phi = 2 share, which is right at both ends
    assert expected_distance(2 * share, n) / pairs != pytest.approx(share, rel=1e-6)


def test_phi_by_hand():
    # two responses: swapped with probability phi / (1 + phi)
    for share in (1e-12, 0.1, 0.3, 0.4999):
        assert mallows.phi_of(share, 2) == pytest.approx(share / (1 - share), rel=1e-9, abs=1e-14)
    # three, phi = 1/2: probabilities 1, 2/2, 2/4, 1/8 over 21/8 of the distances 0 to 3, of which the mean is 19/21
    assert mallows.phi_of(19 / 21 / 3, 3) == pytest.approx(0.5, abs=1e-12)
    for n in (1, 2, 7, 500):
        assert mallows.phi_of(0.0, n) == 0
        assert mallows.phi_of(0.5, n) == 1
    assert 1 - 1e-6 < mallows.phi_of(np.nextafter(0.5, 0), 500) <= 1


def share_of_swaps(spec: str) -> float:
    """Returns the share of pairs that users rank otherwise than most of them do, who rank as the centre does."""
    pairwise = reference.population(spec).pairwise()
    n = len(pairwise)
    return float(np.minimum(pairwise, pairwise.T)[np.triu_indices(n, 1)].mean())


@pytest.mark.parametrize("n", [5, 20, 80])
def test_users_swap_the_share_of_pairs(n):
    # the standard error is below 0.001: per user, the share of pairs has a standard deviation of less than 0.1
    assert share_of_swaps(f"mallows/responses:{n}/users:10000/swaps:0.2/seed:2") == pytest.approx(0.2, abs=0.004)
    assert share_of_swaps(f"mallows/responses:{n}/users:10000/phi:0.4/seed:2") != pytest.approx(0.2, abs=0.004)


def test_swaps_from_agreement_to_the_impartial_culture():
    assert load_scenario("mallows/swaps:0").populations[0].n_types == 1
    orders = uniform(list(permutations(range(3))))
    assert p_value("mallows/swaps:0.5/responses:3/users:6000", orders) > LEAST
    assert p_value("mallows/swaps:0.47/responses:3/users:6000", orders) < LEAST
    two = load_scenario("mallows/swaps:0;0/weights:3;1/users:400/responses:8").populations[0]
    assert two.n_types == 2
    np.testing.assert_allclose(two.weights.max(), 0.75, atol=0.08)


def inserted_one_by_one(places: np.ndarray) -> list[list[int]]:
    lists = []
    for row in places.tolist():
        grown: list[int] = []
        for item, place in enumerate(row):
            grown.insert(place, item)
        lists.append(grown)
    return lists


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 13, 64, 100])
def test_merged_insertions_are_those_of_one_list(n):
    places = np.random.default_rng(n).integers(np.arange(n) + 1, size=(60, n))
    places[:20] = np.minimum(places[:20], 2)  # many inserted at the same place
    lists = mallows.inserted(places).tolist()
    assert lists == inserted_one_by_one(places)
    # the check rejects insertion behind what is at a place instead of before it
    behind = np.minimum(places + 1, np.arange(n))
    assert n < 3 or lists != inserted_one_by_one(behind)


def test_many_responses_need_large_numbers():
    """Beyond 2^15 responses, places and where they stood do not fit in 32 bits."""
    n = 2**15 + 3
    places = np.random.default_rng(0).integers(np.arange(n) + 1, size=(1, n))
    assert mallows.inserted(places).tolist() == inserted_one_by_one(places)


@pytest.mark.parametrize(("n", "phi"), [(6, 0.8), (5, 0.0), (17, 1.0), (40, 0.3)])
def test_mallows_draws_as_repeated_insertion_does(n, phi):
    """A seed gives the rankings that one list for each user gives, of which numbers drawn item by item say places."""
    rng = np.random.default_rng(7).spawn(1)[0]
    rng.choice(1, size=30, p=[1.0])
    centre = rng.permuted(np.arange(n)[None, :], axis=1)[0]
    places = np.empty((30, n), np.int64)
    for item in range(n):
        chances = np.cumsum([phi**v for v in range(item + 1)])
        numbers = rng.random(30) * chances[-1]
        places[:, item] = [item - sum(chance <= number for chance in chances[:item]) for number in numbers]
    rankings = [[int(centre[item]) for item in grown] for grown in inserted_one_by_one(places)]
    drawn = load_scenario(f"mallows/responses:{n}/users:30/phi:{phi}/seed:7").populations[0]
    assert drawn == Population.from_rankings(rankings)


# --- Plackett-Luce models


def luce(*strengths: float) -> Chances:
    """The chance of each ranking: a product of strengths over sums of what is left."""
    chances = {}
    for order in permutations(range(len(strengths))):
        left = [strengths[i] for i in order]
        chances[order] = float(np.prod([left[i] / sum(left[i:]) for i in range(len(left))]))
    return chances


def test_strengths_give_the_chances_of_rankings():
    spec = "plackett-luce/strengths:1;2;4/users:21000/seed:1"
    assert p_value(spec, luce(1, 2, 4)) > LEAST
    assert p_value(spec, luce(1, 2, 4.5)) < LEAST
    # w_i / sum and w_i / (w_i + w_j); a share of 21,000 users has a standard error of at most 0.0035
    population = reference.population(spec)
    np.testing.assert_allclose(population.favourites(), np.array([1, 2, 4]) / 7, atol=0.012)
    np.testing.assert_allclose(population.pairwise()[[1, 2, 2], [0, 0, 1]], [2 / 3, 4 / 5, 2 / 3], atol=0.012)


def test_spread_is_the_deviation_of_log_strengths():
    # of two responses, the logarithm of the odds is the difference of two normal numbers: 400 of them have a
    # sum of squares that is chi-square, of which 4000 users for each show hardly less
    def fits(spread: float) -> bool:
        scenario = load_scenario("plackett-luce/responses:2/users:4000/spread:0.7/prompts:400/seed:1")
        shares = np.array([users.pairwise()[0, 1] for users in scenario.populations])
        odds = np.log(shares / (1 - shares))
        square = stats.chi2.cdf((odds**2).sum() / (2 * spread**2), df=400)
        return bool(LEAST / 2 < square < 1 - LEAST / 2)

    assert fits(0.7)
    assert not fits(0.9)
    assert not fits(0.7 / np.sqrt(2))
    equal = "plackett-luce/spread:0/responses:3/users:6000"
    assert p_value(equal, uniform(list(permutations(range(3))))) > LEAST


def test_strengths_say_how_many_responses_there_are():
    three = load_scenario("plackett-luce/strengths:1;2;4/prompts:2")
    assert three.n_responses == 3
    assert three == load_scenario("plackett-luce/strengths:1;2;4/responses:3/prompts:2")
    assert load_scenario("plackett-luce/strengths:10;20;40/prompts:2") == three  # what counts is their ratio


# --- the urn


@pytest.mark.parametrize("alpha", [0.0, 0.2, 3.0])
def test_urn_users_agree_as_often_as_contagion_says(alpha):
    same = agreement(f"urn/users:2/responses:3/alpha:{alpha}/prompts:3000/seed:4")
    assert is_chance(same, alpha / (1 + alpha) + 1 / ((1 + alpha) * 6))
    # without the chance that both draw the same ranking; alpha in units of one ranking instead of 3!
    assert not is_chance(same, alpha / (1 + alpha))
    assert alpha == 0 or not is_chance(same, (1 + alpha) / (6 + alpha))


def test_urn_users_copy_any_earlier_one():
    def copying_the_first() -> Population:
        orders: list[list[int]] = []
        for i in range(12):
            copies = rng.random() < i * alpha / (1 + i * alpha)
            orders.append(orders[0] if copies else rng.permutation(3).tolist())
        return Population.from_rankings(orders)

    alpha, w = 0.5, 1 / 6  # what an urn of weight 1 has of each ranking
    pairs, triples = (w + alpha) / (1 + alpha), (w + alpha) * (w + 2 * alpha) / ((1 + alpha) * (1 + 2 * alpha))
    urns = load_scenario(f"urn/responses:3/users:12/alpha:{alpha}/prompts:2000/seed:1").populations
    assert agree(urns, 2, pairs)
    assert agree(urns, 3, triples)
    # copying the last user instead would make the same population, in an order of its own; not so the first
    rng = np.random.default_rng(1)
    assert not agree([copying_the_first() for _ in range(2000)], 3, triples)


def test_urn_has_as_many_rankings_as_users_who_did_not_copy():
    # of 20 responses no two rankings drawn are the same: user i draws one with probability 1 / (1 + i alpha)
    types = [users.n_types for users in load_scenario("urn/responses:20/alpha:0.3/users:200/prompts:800").populations]
    chances = 1 / (1 + 0.3 * np.arange(200))
    deviation = np.sqrt((chances * (1 - chances)).sum() / 800)
    assert abs(np.mean(types) - chances.sum()) < DEVIATIONS * deviation
    assert abs(np.mean(types) - (1 / (1 + 0.32 * np.arange(200))).sum()) > DEVIATIONS * deviation
    assert load_scenario("urn/alpha:1e100").populations[0].n_types == 1


# --- Euclidean users


def test_points_are_of_their_space():
    def fits(points: np.ndarray, radius: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Whether a function of squared distances is uniform, and each direction as likely as its opposite."""
        spread = stats.kstest(radius((points**2).sum(axis=1)), "uniform").pvalue
        return spread > LEAST and all(is_chance(points[:, d] > 0, 0.5) for d in range(points.shape[1]))

    def drawn(space: str, dimensions: int) -> np.ndarray:
        return cultures.points(np.random.default_rng(1), space, 4000, dimensions)

    for d in (1, 2, 5):
        # a ball of radius r has r^d of the volume; squared distances of the normal distribution are chi-square
        ball, gaussian = (lambda squares: squares ** (d / 2)), (lambda squares: stats.chi2.cdf(squares, d))  # noqa: B023
        assert fits(drawn("ball", d), ball)
        assert fits(drawn("gaussian", d), gaussian)
        assert not fits(drawn("gaussian", d), ball)
        assert not fits(2 * drawn("cube", d) - 1, gaussian)
        cube = drawn("cube", d)
        assert min(stats.kstest(cube[:, axis], "uniform").pvalue for axis in range(d)) > LEAST
    assert not fits(2 * drawn("cube", 2) - 1, lambda squares: squares)


def test_euclidean_users_agree_on_two_responses():
    # Users at both sides of the middle m of two points disagree: with F the distribution of a user along the line,
    # two agree with probability E[F(m)^2 + (1 - F(m))^2]. On an interval m has variance 1/24 in units of its length,
    # which makes 1/2 + 2/24 = 7/12. Of normal points m has half of a user's variance in every dimension; that one user
    # is below m and the other above has probability 1/4 - arcsin(1/3) / 2 pi, which makes 1/2 + arcsin(1/3) / pi.
    interval, normal = 7 / 12, 1 / 2 + np.arcsin(1 / 3) / np.pi
    for space, dimensions, chance, other in [
        ("cube", 1, interval, normal),
        ("ball", 1, interval, normal),
        ("gaussian", 1, normal, interval),
        ("gaussian", 4, normal, interval),
    ]:
        spec = f"euclidean/space:{space}/dimensions:{dimensions}/users:80/responses:2/prompts:1500/seed:1"
        assert agree(load_scenario(spec).populations, 2, chance), spec
        assert not agree(load_scenario(spec).populations, 2, other), spec


def test_the_cube_is_the_default():
    assert load_scenario("euclidean/space:cube/prompts:2") == load_scenario("euclidean/prompts:2")
    assert load_scenario("euclidean/space:ball") != load_scenario("euclidean")


# --- single-peaked users


def single_peaked(n: int) -> list[tuple[int, ...]]:
    """The rankings of which the best 1, 2, ... responses are always an interval."""
    orders = permutations(range(n))
    return [order for order in orders if all(max(order[:i]) - min(order[:i]) < i for i in range(1, n + 1))]


#: Four responses: each is the favourite of 1/4, and a side is chosen with probability 1/2 while there are both.
CONITZER = {
    (0, 1, 2, 3): 1 / 4,
    (1, 0, 2, 3): 1 / 8, (1, 2, 0, 3): 1 / 16, (1, 2, 3, 0): 1 / 16,
    (2, 3, 1, 0): 1 / 8, (2, 1, 3, 0): 1 / 16, (2, 1, 0, 3): 1 / 16,
    (3, 2, 1, 0): 1 / 4,
}  # fmt: skip


def test_walsh_s_rankings_are_equally_likely():
    for n in (2, 3, 6):
        orders = single_peaked(n)
        assert len(orders) == 2 ** (n - 1)
        assert p_value(f"single-peaked/responses:{n}/users:9000/seed:1", uniform(orders)) > LEAST
    assert p_value("single-peaked/model:conitzer/responses:4/users:9000", uniform(single_peaked(4))) < LEAST
    assert p_value("impartial/responses:4/users:9000", uniform(single_peaked(4))) == 0
    # more responses: i is the favourite of those who put i of the n - 1 steps to its left, a binomial number
    favourites = reference.population("single-peaked/responses:9/users:20000/seed:1").favourites()
    binomial = stats.binom.pmf(range(9), 8, 0.5)
    assert stats.chisquare(20_000 * favourites, 20_000 * binomial).pvalue > LEAST
    assert stats.chisquare(20_000 * favourites, np.full(9, 20_000 / 9)).pvalue < LEAST


def test_conitzer_s_rankings_have_their_chances():
    assert set(CONITZER) == set(single_peaked(4))
    assert p_value("single-peaked/model:conitzer/responses:4/users:9000/seed:1", CONITZER) > LEAST
    assert p_value("single-peaked/model:walsh/responses:4/users:9000/seed:1", CONITZER) < LEAST
    # more responses: favourites are uniform, rankings single-peaked, and the last is an end of the axis
    population = reference.population("single-peaked/model:conitzer/responses:9/users:18000/seed:1")
    assert stats.chisquare(18_000 * population.favourites()).pvalue > LEAST
    orders = np.argsort(population.ranks, axis=1)
    for i in range(1, 10):
        assert (np.ptp(orders[:, :i], axis=1) == i - 1).all()
    low = population.weights[orders[:, -1] == 0].sum()
    assert stats.binomtest(round(18_000 * low), 18_000, 0.5).pvalue > LEAST


# --- group-separable users

Tree = int | tuple["Tree", "Tree"]


def separable(tree: Tree) -> list[tuple[int, ...]]:
    """The rankings of a tree's leaves in which each branch is a block."""
    if isinstance(tree, int):
        return [(tree,)]
    first, second = separable(tree[0]), separable(tree[1])
    return [order for a in first for b in second for order in (a + b, b + a)]


@pytest.mark.parametrize(
    ("tree", "nodes"), [("balanced", ((0, 1), (2, (3, 4)))), ("caterpillar", (0, (1, (2, (3, 4)))))]
)
def test_group_separable_rankings_are_equally_likely(tree, nodes):
    orders = separable(nodes)
    assert len(set(orders)) == 16
    assert p_value(f"group-separable/tree:{tree}/responses:5/users:8000/seed:1", uniform(orders)) > LEAST
    other = {"balanced": "caterpillar", "caterpillar": "balanced"}[tree]
    assert p_value(f"group-separable/tree:{other}/responses:5/users:8000/seed:1", uniform(orders)) == 0
    # one ranking more often than the others
    some = {**uniform(orders), orders[0]: 1.5 / 16, orders[1]: 0.5 / 16}
    assert p_value(f"group-separable/tree:{tree}/responses:5/users:8000/seed:1", some) < LEAST


@pytest.mark.parametrize("tree", ["balanced", "caterpillar"])
def test_group_separable_users_are_split_on_every_pair(tree):
    population = reference.population(f"group-separable/tree:{tree}/responses:11/users:40000/seed:1")
    pairs = [population.pairwise()[i, j] for i, j in combinations(range(11), 2)]
    # the largest of 55 deviations, in standard errors of 0.0025, exceeds 4.2 with probability 0.1 %
    np.testing.assert_allclose(pairs, 0.5, atol=0.0105)


# --- what they take and refuse


@pytest.mark.parametrize(
    "spec",
    [
        "impartial",
        "mallows",
        "mallows/swaps:0.1",
        "plackett-luce",
        "urn",
        "euclidean/space:ball",
        "single-peaked",
        "single-peaked/model:conitzer",
        "group-separable",
        "group-separable/tree:caterpillar",
    ],
)
def test_one_response_and_one_user_are_enough(spec):
    one = load_scenario(f"{spec}/responses:1/users:1").populations[0]
    assert (one.n_responses, one.n_users) == (1, 1)
    few = load_scenario(f"{spec}/responses:2/users:1").populations[0]
    assert few.n_types == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mallows/swaps:0.6", "swaps is 0.6, but must be a number from 0 to 0.5"),
        ("mallows/swaps:-0.1", "swaps is -0.1, but must be a number from 0 to 0.5"),
        ("mallows/swaps:nan", "swaps is 'nan', but must be numbers joined by ';'"),
        ("mallows/swaps:", "'swaps:' is not of the form key:value"),
        (
            "mallows/swaps:0.1/phi:0.8",
            r"phi is \(0.8,\) and swaps is \(0.1,\), but only one of them can be given",
        ),
        ("mallows/swaps:0.1;0.2/weights:1", "weights has 1 entries, but there are 2 values of swaps"),
        ("plackett-luce/spread:-1", "spread is -1.0, but must be 0 or a number from"),
        ("plackett-luce/spread:nan", "spread is 'nan', but must be a number"),
        ("plackett-luce/strengths:1;0", "strengths is 0.0, but must be positive and finite"),
        ("plackett-luce/strengths:1;-2", "strengths is -2.0, but must be positive and finite"),
        ("plackett-luce/strengths:1;2;4/responses:4", "strengths has 3 entries, but responses is 4"),
        ("plackett-luce/strengths:1;2/spread:2", r"spread is 2.0 and strengths are \(1.0, 2.0\), but only one"),
        ("urn/alpha:-1", "alpha is -1.0, but must be 0 or a number from"),
        ("urn/alpha:nan", "alpha is 'nan', but must be a number"),
        ("euclidean/space:sphere", "unknown space 'sphere'; known: ball, cube, gaussian"),
        ("single-peaked/model:walse", "unknown model 'walse'; did you mean 'walsh'"),
        ("group-separable/tree:balance", "unknown tree 'balance'; did you mean 'balanced'"),
        ("urn/users:0", "users is 0, but must be an integer of at least 1"),
        ("single-peaked/responses:0", "responses is 0, but must be an integer of at least 1"),
        ("group-separable/seed:-1", "seed is -1, but must be an integer of at least 0"),
        ("plackett-luce/responses:100000/users:100000", r"1\.00e10 numbers are more than"),
        ("urn/responses:100000/users:100000", r"1\.00e10 numbers are more than"),
        ("single-peaked/responses:100000/users:100000", r"1\.00e10 numbers are more than"),
        ("group-separable/responses:100000/users:100000", r"1\.00e10 numbers are more than"),
    ],
)
def test_bad_options(spec, message):
    with pytest.raises(ValueError, match=message):
        load_scenario(spec)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mallows.mallows(phi=()), r"phi is \(\), but must be a number from 0 to 1 for each group"),
        (lambda: mallows.mallows(swaps=(np.nan,)), "swaps is nan, but must be a number from 0 to 0.5"),
        (lambda: mallows.mallows(phi=(0.8,), swaps=(0.1,)), "phi is .* and swaps is .*, but only one"),
        (lambda: cultures.plackett_luce(spread=np.nan), "spread is nan, but must be 0 or a number"),
        (lambda: cultures.plackett_luce(strengths=(1.0, np.nan)), "strengths is nan, but must be positive"),
        (lambda: cultures.plackett_luce(strengths=(1.0, np.inf)), "strengths is inf, but must be positive"),
        (lambda: cultures.urn(alpha=np.inf), "alpha is inf, but must be 0 or a number"),
        (lambda: cultures.urn(alpha=np.nan), "alpha is nan, but must be 0 or a number"),
        (lambda: cultures.euclidean(space=""), "unknown space ''; known: ball, cube, gaussian"),
        (lambda: domains.single_peaked(model=""), "unknown model ''; known: conitzer, walsh"),
        (lambda: domains.group_separable(tree=""), "unknown tree ''; known: balanced, caterpillar"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
