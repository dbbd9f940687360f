"""From what users said of responses to a scenario: the rules that all readers share, with a note of every loss.

Axes of one prompt: U users, N responses.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._limits import MAX_NUMBERS
from ualign_env._types import Floats
from ualign_env.scenario import Scenario
from ualign_env.users import Population


@dataclass
class Judged:
    """What the users of one prompt said.

    Attributes:
        prompt: its name.
        responses: N names.
        scores: `[U, N]` higher is better; NaN where a user said nothing of a response.
        weights: `[U]` how much each user counts.
        groups: the group of each user, empty for none; empty where nobody has one.
    """

    prompt: str
    responses: list[str]
    scores: Floats
    weights: Floats
    groups: list[str] = field(default_factory=list)


def whole(name: str, users: int, responses: int) -> Floats:
    """Returns `[U, N]` scores of which nothing is known yet, unless they would be too many."""
    if users * responses > MAX_NUMBERS:
        raise TooLargeError(
            f"{name}: {users:,} users times {responses:,} responses are more than the {MAX_NUMBERS:,} scores that are "
            "read"
        )
    return np.full((users, responses), np.nan)


def made(
    name: str,
    prompts: Iterable[Judged],
    *,
    missing: str,
    responses: int | str = "all",
    min_users: int = 1,
    tie_width: float = 0.0,
    probabilities: str = "equal",
    notes: Sequence[str] = (),
) -> Scenario:
    """Returns the scenario of what users said.

    Args:
        name: what errors call the data.
        prompts: what the users of each prompt said.
        missing: `"complete"` or `"drop"` leave out users who said nothing of some response, `"bottom"` ties those
            responses below the others.
        responses: how many to keep of each prompt, those of which most users said something; `"all"` for all.
        min_users: prompts with fewer users are left out.
        tie_width: scores of a user that are closer than this are equal; so are those that a chain of such pairs joins.
        probabilities: `"equal"`, or `"users"` where a prompt is as likely as it has users.
        notes: what is known to be lost before.

    Raises:
        ValueError: if nothing is left.
    """
    _checks.one_of("missing", missing, ("complete", "bottom", "drop"))
    _checks.one_of("probabilities", probabilities, ("equal", "users"))
    most = _count_or_all("responses", responses)
    _checks.count("min_users", min_users, 1)
    losses, kept, fewest = Counter[str](), [], Counter[str]()
    everybody = 0
    for judged in prompts:
        everybody += len(judged.scores)
        losses += _reduce(judged, most, missing)
        if len(judged.scores) < min_users or not len(judged.scores):
            fewest[judged.prompt] = len(judged.scores)
            losses["thin"] += len(judged.scores)
        else:
            kept.append(judged)
    notes = [*notes, *_losses(losses, everybody, missing, fewest, min_users)]
    if not kept:
        reasons = "".join(f"; {note}" for note in notes)
        raise ValueError(f"{name}: no prompt has {counted(min_users, 'user')} or more{reasons}")
    populations = [_population(judged, judged.scores, judged.weights, tie_width) for judged in kept]
    sizes = np.array([judged.weights.sum() for judged in kept])
    return Scenario(
        populations,
        distinct([judged.prompt for judged in kept]),
        sizes / sizes.sum() if probabilities == "users" else None,
        groups=[_groups(judged, tie_width) for judged in kept],
        notes=notes,
    )


def _groups(judged: Judged, tie_width: float) -> dict[str, Population]:
    """Returns the users of each group."""
    members = defaultdict(list)
    for user, group in enumerate(judged.groups):
        if group:
            members[group].append(user)
    rows = ((group, judged.scores[users], judged.weights[users]) for group, users in members.items())
    return {group: _population(judged, scores, weights, tie_width) for group, scores, weights in rows if weights.any()}


def _reduce(judged: Judged, most: int | None, missing: str) -> Counter[str]:
    """Leaves out responses, and users who said too little; returns how many."""
    losses = Counter[str]()
    known = ~np.isnan(judged.scores)
    if most is not None and most < len(judged.responses):
        # those most spoken of, in their old order; of equally many the first
        chosen = np.sort(np.argsort(-known.sum(axis=0), kind="stable")[:most])
        losses["responses"] = len(judged.responses) - most
        judged.responses = [judged.responses[y] for y in chosen]
        judged.scores, known = judged.scores[:, chosen], known[:, chosen]
    silent = ~known.any(axis=1)
    partial = ~known.all(axis=1) & ~silent
    keep = np.array(~silent)
    losses["silent"], losses["partial"] = int(silent.sum()), int(partial.sum())
    if missing == "bottom":
        judged.scores = np.where(known, judged.scores, -np.inf)
    else:
        keep &= ~partial
    judged.scores, judged.weights = judged.scores[keep], judged.weights[keep]
    judged.groups = [group for group, stays in zip(judged.groups, keep, strict=False) if stays]
    return losses


def _losses(losses: Counter[str], everybody: int, missing: str, fewest: Counter[str], min_users: int) -> list[str]:
    """Returns what was left out, in words."""
    notes = []
    if losses["responses"]:
        notes.append(f"{counted(losses['responses'], 'response')} that fewer users judged than others: left out")
    if losses["silent"]:
        notes.append(f"{losses['silent']:,} of {everybody:,} users judged none of their prompt's responses: left out")
    if losses["partial"]:
        done = "those that they left out tie at the bottom" if missing == "bottom" else "left out"
        notes.append(f"{losses['partial']:,} of {everybody:,} users judged some of their prompt's responses: {done}")
    if fewest:
        least = "no user" if not any(fewest.values()) else f"fewer than {min_users} users"
        users = counted(losses["thin"], "user")
        notes.append(f"{counted(len(fewest), 'prompt')} with {least} left: left out, with {users}")
    return notes


def _population(judged: Judged, scores: Floats, weights: Floats, tie_width: float) -> Population:
    places = _tied(scores, tie_width) if tie_width > 0 else -scores
    lowest = np.where(np.isfinite(places), places, -np.inf).max(axis=1, keepdims=True)
    places = np.where(np.isfinite(places), places, np.nextafter(lowest, np.inf))  # what is unknown is below the rest
    return Population.from_ranks(places, weights, distinct(judged.responses))


def _tied(scores: Floats, width: float) -> Floats:
    """Returns `[U, N]` places of scores, which are equal where a step from one to the next is below the width."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    with np.errstate(invalid="ignore"):  # unknown less unknown
        steps = ordered[:, :-1] - ordered[:, 1:] >= width
    places = np.zeros(scores.shape)
    np.put_along_axis(places, order, np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1), axis=1)
    return places


def _count_or_all(name: str, value: int | str) -> int | None:
    if isinstance(value, str):
        if value == "all":
            return None
        value = _checks.integer(name, value)
    try:
        return _checks.count(name, value, 1)
    except ValueError:
        raise ValueError(f"{name} is {value!r:.100}, but must be 'all' or an integer of at least 1") from None


def counted(number: int, noun: str) -> str:
    """Returns a number of things, such as `1 row` or `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def distinct(names: Sequence[str]) -> list[str]:
    """Returns names of which those that are repeated have their number added, and once more where that is a name."""
    found: dict[str, None] = {}
    for i, name in enumerate(names, start=1):
        while name in found:
            name = f"{name} ({i})"
        found[name] = None
    return list(found)
