"""Prompts with features: what users want moves with what a prompt is about, of which learners see a mixture.

Axes: P prompts, C latents and nuisance latents, U users, N responses, F features.
"""

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size
from ualign_env.users import Population

_DIMENSIONS = 4  # of opinions
_CLUSTERS = (0.4, 0.3, 0.2, 0.1)  # shares of users
_SPREAD = 0.45  # of users around their cluster's centre
_FAR = 1.2  # scale of centres and of responses
#: What each latent does to users' ideals: it turns two of their coordinates, or scales all.
_MOVES: tuple[tuple[int, int] | None, ...] = ((0, 1), (2, 3), None, (0, 2), (1, 3), (0, 3))
_SCALING = 0.4
_SAMPLE = 4096  # prompts by which features are standardised
_STREAMS = {"world": 0, "training": 1, "held-out": 2, "features": 3}  # of the seed


def moving_opinions(
    *,
    prompts: int = 100,
    held_out: int = 100,
    turn: float = 1.0,
    latents: int = 3,
    nuisance: int = 6,
    features: int = 64,
    responses: int = 32,
    users: int = 100,
    seed: int = 0,
) -> Scenario:
    """Prompts that turn users' opinions, and show a learner features: held-out prompts ask whether it has understood.

    Users are points around four centres in four dimensions, and like a response that is near. A prompt's latents,
    uniform from -1 to 1, turn two coordinates of what users want by up to `turn` times 180 degrees, or scale all of
    them. Features are a random two-layer network of these latents and of `nuisance` latents that move nothing else.
    What is seen of a prompt is its features alone; `held_out` prompts are those of the scenario's held-out part.

    Source: ours.
    """
    counts = {"responses": responses, "users": users, "features": features, "prompts": prompts}
    n, n_users, n_features, n_prompts = (_checks.count(name, value, 1) for name, value in counts.items())
    n_held_out, angle = _checks.count("held_out", held_out, 0), _checks.scale("turn", turn, zero=True)
    n_latents = _checks.count("latents", latents, 0, len(_MOVES))
    together = n_latents + _checks.count("nuisance", nuisance, 0)
    check_size(n_prompts + n_held_out, n * n_users + n_features)
    check_size(1, _SAMPLE * 2 * n_features + 2 * n_features * (together + n_features))

    world = _World(_rng(seed, "world"), n, n_users, n_latents, together, n_features)
    world.standardise(_latents(seed, "features", _SAMPLE, together))
    names = [f"response {y}" for y in range(n)]

    def part(stream: str, size: int, rest: Scenario | None) -> Scenario:
        drawn = _latents(seed, stream, size, together)
        utilities = world.utilities(drawn[:, :n_latents], angle)
        return Scenario(
            [Population.from_scores(one, responses=names) for one in utilities],
            [f"{stream} prompt {x}" for x in range(size)],
            features=world.features(drawn),
            observe="features",
            held_out=rest,
            name="moving-opinions, held-out" if stream == "held-out" else None,
        )

    return part("training", n_prompts, part("held-out", n_held_out, None) if n_held_out else None)


def _rng(seed: int, stream: str) -> np.random.Generator:
    return np.random.default_rng([_checks.count("seed", seed, 0), _STREAMS[stream]])


def _latents(seed: int, stream: str, size: int, together: int) -> Floats:
    return _rng(seed, stream).uniform(-1, 1, (size, together))


class _World:
    """Users, responses, and the network that makes features."""

    def __init__(
        self, rng: np.random.Generator, n: int, n_users: int, n_latents: int, together: int, n_features: int
    ) -> None:
        centres = _FAR * rng.standard_normal((len(_CLUSTERS), _DIMENSIONS))
        ends = np.rint(np.cumsum(_CLUSTERS) * n_users).astype(int)
        cluster = np.searchsorted(ends, np.arange(n_users), side="right")
        self._ideals = centres[cluster] + _SPREAD * rng.standard_normal((n_users, _DIMENSIONS))
        self._places = _FAR * rng.standard_normal((n, _DIMENSIONS))
        hidden = 2 * n_features
        self._first, self._bias = rng.standard_normal((together, hidden)), rng.standard_normal(hidden)
        self._second = rng.standard_normal((hidden, n_features)) * 1.5 / np.sqrt(hidden)
        self._moves = _MOVES[:n_latents]
        self._mean, self._deviation = np.zeros(n_features), np.ones(n_features)

    def standardise(self, sample: Floats) -> None:
        """Makes features of mean 0 and deviation 1 over `[.., C]` latents."""
        raw = self.features(sample)
        self._mean, self._deviation = raw.mean(axis=0), raw.std(axis=0)

    def features(self, latents: Floats) -> Floats:
        """Returns `[P, F]` from `[P, C]` latents."""
        raw = np.tanh(np.tanh(latents @ self._first + self._bias) @ self._second)
        return (raw - self._mean) / self._deviation

    def utilities(self, latents: Floats, turn: float) -> Floats:
        """Returns `[P, U, N]` from `[P, C]` latents that matter."""
        wanted = np.tile(self._ideals, (len(latents), 1, 1))
        for amount, move in zip(latents.T[:, :, None], self._moves, strict=True):
            if move is None:
                wanted *= 1 + _SCALING * amount[:, :, None]
                continue
            p, q = move
            cosine, sine = np.cos(turn * np.pi * amount), np.sin(turn * np.pi * amount)
            first, second = wanted[:, :, p].copy(), wanted[:, :, q].copy()
            wanted[:, :, p], wanted[:, :, q] = cosine * first - sine * second, sine * first + cosine * second
        norms = (wanted**2).sum(axis=2)[:, :, None] + (self._places**2).sum(axis=1)
        return 2 * wanted @ self._places.T - norms
