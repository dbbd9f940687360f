"""Random scenarios of users with utilities, who choose noisily.

Axes: U users, N responses.
"""

import numpy as np

from ualign_env import _checks
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size, drawn
from ualign_env.sources.cultures import RESPONSES, SPREAD, log_strengths
from ualign_env.users import LogitUsers, Users, noisy_users


def random_utility(
    *,
    responses: int = 6,
    users: int = 100,
    common: float = 1.0,
    own: float = 1.0,
    tau: float = 0.5,
    noise: str = "response",
    law: str = "logit",
    samples: int = 100,
    seed: int = 0,
    prompts: int = 1,
) -> Scenario:
    """Users with normal utilities, in part common to all and in part their own, who choose noisily.

    A response's utility for a user is `common` times a standard normal number that all users share, plus `own` times
    one of her own; `tau` is the scale of the noise, `noise` says whether a `response` draws it once for a user or every
    `slot` anew, and `law` whether it is `logit` or `probit`. At own = 0 users are alike: Bradley and Terry's model.

    Source: L. L. Thurstone, Psychological Review 1927; D. McFadden & K. Train, "Mixed MNL models for discrete
    response", 2000.
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    shared, private = _checks.scale("common", common, zero=True), _checks.scale("own", own, zero=True)
    check_size(prompts, n * n_users * (_checks.count("samples", samples, 1) if noise == "response" else 1))

    def draw(rng: np.random.Generator) -> Users:
        utilities = shared * rng.standard_normal(n) + private * rng.standard_normal((n_users, n))
        own_seed = int(rng.integers(2**32))
        return noisy_users(utilities, tau, noise=noise, law=law, samples=samples, seed=own_seed)

    return drawn(draw, seed, prompts)


def bradley_terry(
    *,
    responses: int = RESPONSES,
    spread: float = SPREAD,
    strengths: tuple[float, ...] = (),
    seed: int = 0,
    prompts: int = 1,
) -> Scenario:
    """Users who are all alike and pick each slot with a chance in proportion to a strength: exact, no ranking drawn.

    Logarithms of strengths are normal with standard deviation `spread`, drawn anew for each prompt, or all prompts have
    those given, as in `strengths:1;2;4`. Of two responses this is Bradley and Terry's model, of several Luce's, with a
    noise for every slot; `plackett-luce` draws rankings, with a noise for every response.

    Source: R. A. Bradley & M. E. Terry, Biometrika 1952; R. D. Luce, Individual Choice Behavior, 1959.
    """
    n, logs = log_strengths(responses, spread, strengths)
    check_size(prompts, n)
    return drawn(lambda rng: LogitUsers([logs(rng)]), seed, prompts)
