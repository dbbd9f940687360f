"""Noisy users as games need them: with a noise for every slot, or one for every response, which makes rankings.

Axes: U users, N responses, S rankings drawn of each user.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._limits import MAX_NUMBERS
from ualign_env.users.base import Users
from ualign_env.users.noisy.population import LogitUsers, NoisyUsers, ProbitUsers
from ualign_env.users.rankings.population import Population

LAWS: dict[str, type[NoisyUsers]] = {kind.kind: kind for kind in (LogitUsers, ProbitUsers)}
NOISES = ("response", "slot")


def noisy_users(
    utilities: npt.ArrayLike,
    temperature: npt.ArrayLike = 1.0,
    weights: npt.ArrayLike | None = None,
    responses: Iterable[str] | None = None,
    *,
    noise: str = "response",
    law: str = "logit",
    samples: int = 100,
    seed: int = 0,
) -> Users:
    """Makes users who see utility over temperature plus noise, and pick what they see most of.

    What draws its own noise makes two games. With `"response"` noise a user is in a mood for each response: however
    often it is shown, she sees it alike, copies tie, and a policy that has collapsed to one response stays near 1/2.
    With `"slot"` noise she judges every slot anew, so that copies help: of many copies of a response that she likes a
    little less, one will look best. At k = 1 both are the same.

    Args:
        utilities: `[users, N]` finite numbers, higher is better.
        temperature: one positive number, or `[users]`: the scale of the noise in units of the utilities.
        weights: `[users]` how much each user counts (default: equally).
        responses: N distinct names (default: `"0"`, `"1"`, ...).
        noise: `"response"` for a `Population` of rankings drawn from the users, `"slot"` for `LogitUsers` or
            `ProbitUsers`, of whom everything is exact.
        law: `"logit"` for standard Gumbel noise (Bradley-Terry, Plackett-Luce), `"probit"` for normal (Thurstone).
        samples: rankings that are drawn of each of the different users; with response noise alone.
        seed: of these rankings.

    Raises:
        ValueError: if utilities, temperatures, weights or names don't fit, or a name is unknown.
        TooLargeError: if more numbers would be drawn than are made.
    """
    _checks.one_of("noise", noise, NOISES)
    users = LAWS[_checks.one_of("law", law, LAWS)](utilities, temperature, weights, responses)
    n_samples, rng = _checks.count("samples", samples, 1), np.random.default_rng(_checks.count("seed", seed, 0))
    if noise == "slot":
        return users
    numbers = users.utilities.size * n_samples
    if numbers > MAX_NUMBERS:
        raise TooLargeError(
            f"{n_samples:,} rankings of {users.n_types:,} users are {numbers:,} numbers, but at most {MAX_NUMBERS:,} "
            "are drawn; noise='slot' draws none"
        )
    seen = np.repeat(users.utilities / users.temperatures[:, None], n_samples, axis=0)
    seen += users.law.draw(rng, seen.shape)
    drawn = Population.from_scores(seen, np.repeat(users.weights, n_samples), users.responses)
    return Population.from_content(drawn.weights, drawn.responses, users.n_users, **drawn.content())
