"""What every kind of users must do: whatever they say of many is held against what they pick one by one.

Axes: B rows of slots, N responses.
"""

import pickle
from itertools import product

import numpy as np

from ualign_env._types import Floats
from ualign_env.testing._require import require
from ualign_env.users import Contest, Users

_ATOL = 1e-10  # of chances computed in two ways


def check_users(users: Users, seed: int = 0) -> None:
    """Holds users against the definition of the game, by enumerating what they may be shown.

    Everything is compared with `type_shares`, which itself must be distributions that don't depend on the order of
    slots: payoffs against samples, mixtures, outputs and multisets, their derivatives, gains, picks, populations made
    from these, pickles and packed copies. Of many responses, the first four are compared.

    Args:
        users: the users, at best few types over three or four responses.
        seed: of the policies that are tried.

    Raises:
        AssertionError: if a method says something else than the definition.
    """
    rng = np.random.default_rng(seed)
    small = users.among(np.arange(min(4, users.n_responses)))
    _check_choices(small)
    _check_contests(small, rng)
    _check_payoffs(small, rng)
    _check_copies(users, rng)


def _enumerated(users: Users, competitors: list[Floats], shown: tuple[int, ...]) -> float:
    """Returns the chance that one of the responses shown is picked against a draw from each competitor."""
    rows = np.array([(*shown, *row) for row in product(range(users.n_responses), repeat=len(competitors))])
    drawn = rows[:, len(shown) :]
    chances = np.prod([policy[drawn[:, i]] for i, policy in enumerate(competitors)], axis=0)
    return float(chances @ _shares(users, rows)[:, : len(shown)].sum(axis=1))


def _shares(users: Users, rows: np.ndarray) -> Floats:
    """Returns `[B, K]` shares from every type's own."""
    types = np.repeat(np.arange(users.n_types), len(rows))
    each = users.type_shares(types, np.tile(rows, (users.n_types, 1))).reshape(users.n_types, *rows.shape)
    return np.tensordot(users.weights, each, axes=1)


def _check_choices(users: Users) -> None:
    n = users.n_responses
    np.testing.assert_allclose(users.weights.sum(), 1)
    rows = np.array(list(product(range(n), repeat=3)))
    for user_type in range(users.n_types):
        types = np.full(len(rows), user_type)
        chances = users.type_shares(types, rows)
        require((chances >= 0).all(), "a chance is negative")
        np.testing.assert_allclose(chances.sum(axis=1), 1, atol=_ATOL)
        order = [2, 0, 1]
        np.testing.assert_allclose(users.type_shares(types, rows[:, order]), chances[:, order], atol=_ATOL)
        grid = np.linspace(0, 2**32 - 1, 1001).astype(np.uint32)
        for row, expected in zip(rows[:: max(1, len(rows) // 8)], chances[:: max(1, len(rows) // 8)], strict=True):
            picks = users.pick(np.full(grid.size, user_type), np.tile(row, (grid.size, 1)), grid)
            np.testing.assert_allclose(np.bincount(picks, minlength=3) / grid.size, expected, atol=4 / grid.size)
        require(users.describe(user_type), "a type has no description")
    np.testing.assert_allclose(users.shares(rows), _shares(users, rows), atol=_ATOL)
    everything = np.tile(np.arange(n), (users.n_types, 1))
    favourites = users.type_shares(np.arange(users.n_types), everything)
    np.testing.assert_allclose(users.user_favourites(), favourites, atol=_ATOL)
    np.testing.assert_allclose(users.favourites(), users.weights @ favourites, atol=_ATOL)
    pairs = np.array(list(product(range(n), repeat=2)))
    np.testing.assert_allclose(users.pairwise(), _shares(users, pairs)[:, 0].reshape(n, n), atol=_ATOL)


def _check_contests(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    one, other = rng.dirichlet(np.ones(n), 2)
    sets, chances = np.array(list(product(range(n), repeat=2))), rng.dirichlet(np.ones(n * n))
    contests: list[tuple[Contest, list[tuple[float, list[Floats]]]]] = [
        (users.against_samples(one[None, :], np.ones(1), 2), [(1.0, [one, one])]),
        (
            users.against_samples(np.array([one, other]), np.array([0.3, 0.7]), 2),
            [(0.3, [one, one]), (0.7, [other, other])],
        ),
        (users.against_outputs(np.array([one, other])), [(1.0, [one, other])]),
        (users.against_sets(sets, chances), [(c, list(np.eye(n)[row])) for c, row in zip(chances, sets, strict=True)]),
    ]
    for contest, parts in contests:

        def expected(shown: tuple[int, ...], parts: list[tuple[float, list[Floats]]] = parts) -> float:
            return sum(share * _enumerated(users, competitors, shown) for share, competitors in parts)

        require(contest.users is users, "a contest has other users")
        alone = np.array([expected((y,)) for y in range(n)])
        np.testing.assert_allclose(contest.payoffs(), alone, atol=_ATOL)
        pairs = np.array([expected(tuple(row)) for row in sets.tolist()])
        np.testing.assert_allclose(contest.values(sets), pairs, atol=_ATOL)
        np.testing.assert_allclose([contest.value(row) for row in sets], pairs, atol=_ATOL)
        first, second = contest.gains([], 2)
        np.testing.assert_allclose(first, alone, atol=_ATOL)
        np.testing.assert_allclose(first + second, pairs.reshape(n, n).diagonal(), atol=_ATOL)
        for y in range(n):
            np.testing.assert_allclose(contest.gains([y], 1)[0], pairs.reshape(n, n)[y] - alone[y], atol=_ATOL)
    losses = [[_enumerated(users, list(np.eye(n)[[y, y]]), (z,)) for z in range(n)] for y in range(n)]
    twice = np.repeat(np.arange(n)[:, None], 2, axis=1)
    np.testing.assert_allclose(users.matrix(twice, np.arange(n)[:, None]), losses, atol=_ATOL)
    drawn = sum(np.prod(other[list(row)]) * _enumerated(users, [one, one], tuple(row)) for row in sets.tolist())
    np.testing.assert_allclose(users.sampled_value(one, 2, other, 2), drawn, atol=_ATOL)


def _check_payoffs(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    policies = rng.dirichlet(np.ones(n), 3)
    policy = policies[0]
    for k in (1, 2, 3):
        expected = [_enumerated(users, [policy] * k, (y,)) for y in range(n)]
        np.testing.assert_allclose(users.payoffs(policy, k), expected, atol=_ATOL)
    for k in (1, 3, 20, 1000):
        payoffs, jacobian = users.payoffs(policy, k), users.jacobian(policy, k)
        np.testing.assert_allclose(policy @ payoffs, 1 / (k + 1), rtol=1e-9)
        np.testing.assert_allclose(jacobian @ policy, k * payoffs, rtol=1e-8, atol=_ATOL)
        np.testing.assert_allclose(payoffs + policy @ jacobian, 1, rtol=1e-8)
        away = users.payoffs(policies[1], k)
        require((policy - policies[1]) @ (payoffs - away) <= _ATOL, "the game is not monotone")
    if n > 1:
        step = 1e-5 * (np.eye(n)[0] - np.eye(n)[1])
        slope = (users.payoffs(policy + step, 3) - users.payoffs(policy - step, 3)) / 2
        np.testing.assert_allclose(users.jacobian(policy, 3) @ step, slope, rtol=1e-5, atol=1e-12)
    others = [[*policies[:i], *policies[i + 1 :]] for i in range(3)]
    expected = [[_enumerated(users, rest, (y,)) for y in range(n)] for rest in others]
    np.testing.assert_allclose(users.leave_one_out_payoffs(policies), expected, atol=_ATOL)


def _check_copies(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    order = rng.permutation(n)[: max(1, n - 1)]
    part = users.restricted(order)
    require(part.responses == tuple(users.responses[y] for y in order), "restricted users have other responses")
    rows = rng.integers(0, order.size, (20, 3))
    np.testing.assert_allclose(part.shares(rows), users.shares(order[rows]), atol=_ATOL)
    types = rng.integers(0, users.n_types, 12)
    sample = users.resampled(types)
    rows = rng.integers(0, n, (20, 3))
    expected = np.mean([users.type_shares(np.full(20, one), rows) for one in types], axis=0)
    np.testing.assert_allclose(sample.shares(rows), expected, atol=_ATOL)
    require(sample.n_users == 12, f"of 12 users drawn there are {sample.n_users}")
    for copy in (Users.unpack(users.pack()), pickle.loads(pickle.dumps(users)), users.merged()):  # noqa: S301
        require(
            (copy, copy.digest, hash(copy)) == (users, users.digest, hash(users)), f"{copy!r} is another than {users!r}"
        )
        np.testing.assert_allclose(copy.shares(rows), users.shares(rows), atol=_ATOL)
    if n > 1:
        require(part != users, "restricted users equal all")
    slots, numbers = rng.integers(0, n, (50, 3)), rng.integers(0, 2**32, 50, np.uint32)
    prompts, kinds = np.zeros(50, np.int64), rng.integers(0, users.n_types, 50)
    rewards = np.empty((50, 3))
    picker = type(users).picker([users])
    require(picker(prompts, kinds, numbers, slots, rewards, 0, 50), "the picker refused responses that are there")
    np.testing.assert_array_equal(rewards, np.eye(3)[users.pick(kinds, slots, numbers)])
    slots[7, 1] = n
    require(not picker(prompts, kinds, numbers, slots, rewards, 0, 50), "a response that isn't there was shown")
