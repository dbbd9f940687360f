"""What every kind of users must do: whatever they say of many is held against what they pick one by one.

Axes: B rows of slots, N responses.
"""

import pickle
from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np

from ualign_env._types import Floats, Ints
from ualign_env.testing._require import require
from ualign_env.users import Contest, Users

_ATOL = 1e-10  # of chances computed in two ways


def check_users(users: Users, seed: int = 0) -> None:
    """Holds users against the definition of the game, by enumerating what they may be shown.

    Everything is compared with `type_shares`, which itself must be distributions that don't depend on the order of
    slots: payoffs against samples, mixtures, outputs and multisets for several k and l, their derivatives, gains, best
    responses, winners, picks, users made from these, pickles and packed copies. Of many responses, the first three are
    compared.

    Args:
        users: the users, at best few types over three or four responses.
        seed: of the policies that are tried.

    Raises:
        AssertionError: if a method says something else than the definition; the message names the method.
    """
    rng = np.random.default_rng(seed)
    small = users.among(np.arange(min(3, users.n_responses)))
    require(not users.weights.flags.writeable, "weights: must not be writeable, for digests are computed once")
    require(small.n_users == users.n_users, "among: the number of users changed")
    _check_choices(small)
    _check_contests(small, rng)
    _check_payoffs(small, rng)
    _check_pools(small, rng)
    _check_groups(small, rng)
    _check_copies(users, rng)


def _equal(what: str, found: Any, expected: Any, rtol: float = 1e-8) -> None:
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=_ATOL, err_msg=what)


def _enumerated(users: Users, competitors: list[Floats], shown: Sequence[int]) -> float:
    """Returns the chance that one of the responses shown is picked against a draw from each competitor."""
    rows = np.array([(*shown, *row) for row in product(range(users.n_responses), repeat=len(competitors))])
    drawn = rows[:, len(shown) :]
    chances = np.prod([policy[drawn[:, i]] for i, policy in enumerate(competitors)], axis=0)
    return float(chances @ _shares(users, rows)[:, : len(shown)].sum(axis=1))


def _shares(users: Users, rows: Ints) -> Floats:
    """Returns `[B, K]` shares from every type's own."""
    types = np.repeat(np.arange(users.n_types), len(rows))
    each = users.type_shares(types, np.tile(rows, (users.n_types, 1))).reshape(users.n_types, *rows.shape)
    return np.tensordot(users.weights, each, axes=1)


def _check_choices(users: Users) -> None:
    n = users.n_responses
    _equal("weights: must sum to 1", users.weights.sum(), 1)
    for slots in (1, 2, 3, 5):
        rows = np.array(list(product(range(n), repeat=slots)))
        order = np.roll(np.arange(slots), 1)
        for user_type in range(users.n_types):
            types = np.full(len(rows), user_type)
            chances = users.type_shares(types, rows)
            require((chances >= 0).all(), "type_shares: a chance is negative")
            _equal("type_shares: must sum to 1", chances.sum(axis=1), 1)
            _equal("type_shares: slots are alike", users.type_shares(types, rows[:, order]), chances[:, order])
            # what would be picked is at least as likely to be picked where a slot is left out
            if slots > 1:
                fewer = users.type_shares(types, rows[:, :-1])
                require((fewer >= chances[:, :-1] - _ATOL).all(), "type_shares: one slot more makes another likelier")
            grid = np.linspace(0, 2**32 - 1, 1001).astype(np.uint32)
            for row, expected in list(zip(rows, chances, strict=True))[:: max(1, len(rows) // 8)]:
                picks = users.pick(np.full(grid.size, user_type), np.tile(row, (grid.size, 1)), grid)
                counted = np.bincount(picks, minlength=slots) / grid.size
                np.testing.assert_allclose(counted, expected, atol=slots / grid.size, err_msg="pick")
        _equal("shares", users.shares(rows), _shares(users, rows))
    require(all(users.describe(user_type) for user_type in range(users.n_types)), "describe: a type has no description")
    everything = np.tile(np.arange(n), (users.n_types, 1))
    favourites = users.type_shares(np.arange(users.n_types), everything)
    _equal("user_favourites", users.user_favourites(), favourites)
    _equal("favourites", users.favourites(), users.weights @ favourites)
    pairs = np.array(list(product(range(n), repeat=2)))
    preferred = _shares(users, pairs)[:, 0].reshape(n, n)
    _equal("pairwise", users.pairwise(), preferred)
    _equal("plurality", users.favourites()[users.plurality()], (users.weights @ favourites).max())
    _equal("borda", preferred.sum(axis=1)[users.borda()], preferred.sum(axis=1).max())
    beats = [all(preferred[y, z] > 0.5 + 1e-12 for z in range(n) if z != y) for y in range(n)]
    require(users.condorcet_winner() == (beats.index(True) if any(beats) else None), "condorcet_winner: another one")


def _check_contests(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    for k in (1, 2, 3):
        one, other = rng.dirichlet(np.ones(n), 2)
        outputs, sets = rng.dirichlet(np.ones(n), k), np.array(list(product(range(n), repeat=k)))
        chances = rng.dirichlet(np.ones(len(sets)))
        samples = users.against_samples(one[None, :], np.ones(1), k)
        mixture = users.against_samples(np.array([one, other]), np.array([0.3, 0.7]), k)
        _check_contest(f"against_samples, k = {k}", samples, users, [(1.0, [one] * k)])
        _check_contest(f"against_samples of a mixture, k = {k}", mixture, users, [(0.3, [one] * k), (0.7, [other] * k)])
        _check_contest(f"against_outputs, k = {k}", users.against_outputs(outputs), users, [(1.0, list(outputs))])
        drawn = [(float(c), list(np.eye(n)[row])) for c, row in zip(chances, sets, strict=True)]
        _check_contest(f"against_sets, k = {k}", users.against_sets(sets, chances), users, drawn)
        for l in (1, 2, 3):
            rows = np.array(list(product(range(n), repeat=l)))
            expected = sum(np.prod(other[row]) * _enumerated(users, [one] * k, row.tolist()) for row in rows)
            _equal(f"sampled_value, k = {k}, l = {l}", users.sampled_value(one, k, other, l), expected)
            losses = [[_enumerated(users, list(np.eye(n)[row]), shown.tolist()) for shown in rows] for row in sets[:4]]
            _equal(f"matrix, k = {k}, l = {l}", users.matrix(sets[:4], rows), losses)


def _check_contest(what: str, contest: Contest, users: Users, parts: list[tuple[float, list[Floats]]]) -> None:
    """Compares a contest with draws from competitors, which are a list with a chance each."""
    n = users.n_responses
    require(contest.users is users, f"{what}: the contest has other users")
    values: dict[tuple[int, ...], float] = {(): 0.0}
    for l in (1, 2, 3):
        sets = np.array(list(combinations_with_replacement(range(n), l)))
        for row in map(tuple, sets.tolist()):
            values[row] = sum(share * _enumerated(users, competitors, row) for share, competitors in parts)
        expected = [values[row] for row in map(tuple, sets.tolist())]
        _equal(f"{what}: values, l = {l}", contest.values(sets), expected)
        _equal(f"{what}: value, l = {l}", [contest.value(row) for row in sets], expected)
        if contest.program_size(l) is not None:
            responses, bound = contest.best_by_program(l, 10.0)
            require(bound >= max(expected) - 1e-8, f"{what}: best_by_program, l = {l}: its bound is exceeded")
            if responses is not None:
                _equal(f"{what}: best_by_program, l = {l}", values[responses], max(expected), rtol=1e-6)
    _equal(f"{what}: payoffs", contest.payoffs(), [values[y,] for y in range(n)])
    for held in [(), *((y,) for y in range(n))]:
        first, second = contest.gains(list(held), 2)
        _equal(f"{what}: gains of one copy", contest.gains(list(held), 1)[0], first)
        once = [values[tuple(sorted((*held, y)))] for y in range(n)]
        twice = [values[tuple(sorted((*held, y, y)))] for y in range(n)]
        _equal(f"{what}: gains of a first copy", first, np.array(once) - values[held])
        _equal(f"{what}: gains of a second copy", second, np.array(twice) - once)


def _check_pools(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    pools = np.array([np.bincount(rng.integers(0, n, 5), minlength=n) for _ in range(3)])
    found = users.pool_payoffs(pools, np.array([1, 3, 5]))
    for r, pool in enumerate(pools):
        for s, size in enumerate((1, 3, 5)):
            drawn = list(combinations(np.repeat(np.arange(n), pool).tolist(), size))
            rows = np.array([(y, *shown) for y in range(n) for shown in drawn])
            expected = _shares(users, rows)[:, 0].reshape(n, len(drawn)).mean(axis=1)
            _equal(f"pool_payoffs, {size} of 5 samples", found[r, s], expected)
    one, other = (np.repeat(np.arange(n), pool).tolist() for pool in pools[:2])
    found = users.pool_values(pools[0], pools[1], np.array([1, 2, 3]))
    for s, size in enumerate((1, 2, 3)):
        rows = np.array([a + b for a in combinations(one, size) for b in combinations(other, size)])
        expected = _shares(users, rows)[:, :size].sum(axis=1).mean()
        _equal(f"pool_values, {size} of 5 samples", found[s], expected)


def _check_payoffs(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    policies = rng.dirichlet(np.ones(n), 3)
    policy = policies[0]
    for k in (1, 2, 3):
        expected = [_enumerated(users, [policy] * k, (y,)) for y in range(n)]
        _equal(f"payoffs, k = {k}", users.payoffs(policy, k), expected)
    for k in (1, 3, 20, 1000):
        payoffs, jacobian = users.payoffs(policy, k), users.jacobian(policy, k)
        _equal(f"payoffs: must average to 1 / (k + 1), k = {k}", policy @ payoffs, 1 / (k + 1))
        _equal(f"jacobian: J pi must be k g, k = {k}", jacobian @ policy, k * payoffs)
        _equal(f"jacobian: g + pi J must be 1, k = {k}", payoffs + policy @ jacobian, 1)
        away = users.payoffs(policies[1], k)
        require((policy - policies[1]) @ (payoffs - away) <= _ATOL, f"payoffs: the game is not monotone, k = {k}")
    for y in range(n - 1):
        step = 1e-5 * (np.eye(n)[y] - np.eye(n)[y + 1])
        slope = (users.payoffs(policy + step, 3) - users.payoffs(policy - step, 3)) / 2
        found = users.jacobian(policy, 3) @ step
        np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-12, err_msg="jacobian: differs from a difference")
    for players in (policies[:2], policies):
        others = [[*players[:i], *players[i + 1 :]] for i in range(len(players))]
        expected = [[_enumerated(users, rest, (y,)) for y in range(n)] for rest in others]
        _equal("leave_one_out_payoffs", users.leave_one_out_payoffs(players), expected)


def _check_groups(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    rows = np.array(list(product(range(n), repeat=2)))
    types = np.repeat(np.arange(users.n_types), len(rows))
    each = users.type_shares(types, np.tile(rows, (users.n_types, 1))).reshape(users.n_types, *rows.shape)
    weights = rng.dirichlet(np.ones(users.n_types))
    found = users.reweighted(weights)
    _equal("reweighted", found.shares(rows), np.tensordot(weights, each, axes=1))
    likes = users.user_favourites() * users.weights[:, None]
    groups = users.by_favourite()
    require(set(groups) == {users.responses[y] for y in range(n) if likes[:, y].any()}, "by_favourite: other groups")
    for name, members in groups.items():
        shares = likes[:, users.responses.index(name)]
        expected = np.tensordot(shares / shares.sum(), each, axes=1)
        _equal("by_favourite", members.shares(rows), expected)
    _check_attractions(users)
    policy = rng.dirichlet(np.ones(n))
    for shown in (np.arange(n) < 1, np.arange(n) > 0, np.ones(n, bool)):
        limit = users.beyond(shown) if shown.any() else None
        if limit is not None:
            many = users.payoffs(shown / shown.sum(), 1_000_000)
            # who chooses noisily tends to the limit as slowly as she likes
            expected = many if users.scores() is not None else np.minimum(limit, many)
            np.testing.assert_allclose(limit, expected, atol=1e-4, err_msg="beyond")
    favourites = (likes > 0) @ policy
    for k in (1, 3):
        found = users.against_samples(policy[None, :], np.ones(1), k).favourite_shown()
        if found is not None:
            _equal("favourite_shown", found, users.weights @ (1 - (1 - favourites) ** k))


def _check_attractions(users: Users) -> None:
    """Shows every response equally often: the more often, the nearer what is picked must be to the attractions."""
    attractions = users.attractions()
    if attractions is None:
        return
    expected, off = attractions / attractions.sum(axis=1, keepdims=True), []
    for copies in (1, 4, 64):
        row = np.tile(np.arange(users.n_responses), copies)
        shares = users.type_shares(np.arange(users.n_types), np.tile(row, (users.n_types, 1)))
        found = shares.reshape(users.n_types, copies, users.n_responses).sum(axis=1)
        off.append(float(np.abs(found - expected).max()))
    require(off[0] > off[1] > off[2] or off[2] < _ATOL, f"attractions: off by {off} with 1, 4, 64 copies")


def _check_copies(users: Users, rng: np.random.Generator) -> None:
    n = users.n_responses
    order = np.arange(n)[::-1][: max(1, n - 1)]
    part = users.restricted(order)
    require(part.responses == tuple(users.responses[y] for y in order), "restricted: other responses")
    rows = rng.integers(0, order.size, (20, 3))
    _equal("restricted: shares", part.shares(rows), users.shares(order[rows]))
    types = rng.integers(0, users.n_types, 12)
    sample = users.resampled(types)
    rows = rng.integers(0, n, (20, 3))
    expected = np.mean([users.type_shares(np.full(20, one), rows) for one in types], axis=0)
    _equal("resampled: shares", sample.shares(rows), expected)
    require(sample.n_users == 12, f"resampled: of 12 users drawn there are {sample.n_users}")
    copies = {"pack": Users.unpack(users.pack()), "pickle": pickle.loads(pickle.dumps(users)), "merged": users.merged()}  # noqa: S301
    for what, copy in copies.items():
        same = (copy, copy.digest, hash(copy)) == (users, users.digest, hash(users))
        require(same, f"{what}: {copy!r} is another than {users!r}")
        _equal(f"{what}: shares", copy.shares(rows), users.shares(rows))
    if n > 1:
        require(part != users, "restricted: equal to all")
    for name in [*users.content(), "weights", "responses"]:
        damaged = {key: value for key, value in users.pack().items() if key != name}
        try:
            Users.unpack(damaged)
        except ValueError:
            continue
        require(False, f"unpack: takes users without {name}")
    slots, numbers = rng.integers(0, n, (50, 3)), rng.integers(0, 2**32, 50, np.uint32)
    prompts, kinds, rewards = np.zeros(50, np.int64), rng.integers(0, users.n_types, 50), np.empty((50, 3))
    picker = type(users).picker([users])
    require(picker(prompts, kinds, numbers, slots, rewards, 0, 50), "picker: refused responses that are there")
    _equal("picker", rewards, np.eye(3)[users.pick(kinds, slots, numbers)])
    slots[7, 1] = n
    require(not picker(prompts, kinds, numbers, slots, rewards, 0, 50), "picker: took a response that isn't there")
