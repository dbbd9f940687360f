"""From what users said of responses to a scenario: the rules that all readers share, with a note of every loss.

Axes of one prompt: U users, N responses.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._limits import MAX_NUMBERS
from ualign_env._text import counted
from ualign_env._types import Floats
from ualign_env.readers.choosing import CERTAIN, ORDERS, Choosing
from ualign_env.scenario import Scenario
from ualign_env.users import Users


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


def check_numbers(name: str, numbers: int) -> None:
    """Raises an error for more scores than are read."""
    if numbers > MAX_NUMBERS:
        raise TooLargeError(f"{name}: {numbers:,} scores are more than the {MAX_NUMBERS:,} that are read")


def whole(name: str, users: int, responses: int) -> Floats:
    """Returns `[U, N]` scores of which nothing is known yet, unless they would be too many."""
    check_numbers(name, users * responses)
    return np.full((users, responses), np.nan)


def made(
    name: str,
    prompts: Iterable[Judged],
    *,
    bottom: bool,
    responses: int | str = "all",
    min_users: int = 1,
    tie_width: float = 0.0,
    probabilities: str = "equal",
    choosing: Choosing = ORDERS,
    notes: Callable[[], Sequence[str]] = tuple,
    kept: list[str] | None = None,
) -> Scenario:
    """Returns the scenario of what users said.

    Args:
        name: what errors call the data.
        prompts: what the users of each prompt said, one after the other.
        bottom: whether responses of which a user said nothing tie below the others; such users are left out otherwise.
        responses: how many to keep of each prompt, those of which most users said something; `"all"` for all.
        min_users: prompts with fewer users are left out.
        tie_width: scores of a user that are closer than this are equal; so are those that a chain of such pairs joins.
        probabilities: `"equal"`, or `"users"` where a prompt is as likely as it has users.
        choosing: how users choose by their scores.
        notes: returns what was lost before, once all prompts were gone through.
        kept: to which the data's names of the prompts that are left are added.

    Raises:
        ValueError: if nothing is left.
        TooLargeError: if it would be too much.
    """
    _checks.one_of("probabilities", probabilities, ("equal", "users"))
    most = _count_or_all("responses", responses)
    _checks.count("min_users", min_users, 1)
    if choosing.users != CERTAIN and (bottom or tie_width):
        wrong = "missing is 'bottom'" if bottom else f"tie_width is {tie_width:g}"
        raise ValueError(f"{wrong}, which makes orders, but users choose by {choosing.users}: by utilities, all known")
    losses, numbers = _Losses(bottom), 0
    titles, populations, groups, sizes = [], [], [], []
    for judged in prompts:
        losses.reduce(judged, most)
        size = float(judged.weights.sum())
        if size < min_users or not size:
            losses.thin.append(size)
            continue
        numbers += judged.scores.size
        check_numbers(name, numbers)
        titles.append(judged.prompt or Path(name).stem)
        if kept is not None:
            kept.append(judged.prompt)
        users = partial(_population, judged, tie_width, choosing)
        populations.append(users(judged.scores, judged.weights))
        groups.append({group: users(*rows) for group, rows in _groups(judged).items()})
        sizes.append(size)
    said = [*notes(), *losses.notes(min_users), *choosing.noted()]
    if not populations:
        reasons = "".join(f"; {note}" for note in said)
        raise ValueError(f"{name}: no prompt has {counted(min_users, 'user')} or more{reasons}")
    chances = np.array(sizes) / sum(sizes) if probabilities == "users" else None
    return Scenario(populations, distinct(titles), chances, groups=groups, notes=said)


class _Losses:
    """Counts users, by their weights, who are left out or of whom something is missing."""

    def __init__(self, bottom: bool) -> None:
        self._bottom = bottom
        self._prompts = self._responses = 0
        self._everybody = self._silent = self._partial = self._alone = 0.0
        self.thin: list[float] = []  # the sizes of prompts with too few users

    def reduce(self, judged: Judged, most: int | None) -> None:
        """Leaves out responses, and users who said too little."""
        known = ~np.isnan(judged.scores)
        if most is not None and most < len(judged.responses):
            # those most spoken of, in their old order; of equally many the first
            chosen = np.sort(np.argsort(-(judged.weights @ known), kind="stable")[:most])
            self._responses += len(judged.responses) - most
            judged.responses = [judged.responses[y] for y in chosen]
            judged.scores, known = judged.scores[:, chosen], known[:, chosen]
        silent = np.array(~known.any(axis=1))
        partial = np.array(~known.all(axis=1) & ~silent)
        self._prompts += 1
        self._everybody += judged.weights.sum()
        self._silent += judged.weights[silent].sum()
        self._partial += judged.weights[partial].sum()
        keep = ~silent
        if self._bottom:
            judged.scores = np.where(known, judged.scores, -np.inf)
        else:
            keep &= ~partial
        judged.scores, judged.weights = judged.scores[keep], judged.weights[keep]
        judged.groups = [group for group, stays in zip(judged.groups, keep, strict=False) if stays]
        if any(judged.groups):
            self._alone += judged.weights[[not group for group in judged.groups]].sum()

    def notes(self, min_users: int) -> list[str]:
        """Returns what was left out, in words."""
        notes = []
        of = f"of {counted(self._everybody, 'user')}{' (counted for each prompt)' if self._prompts > 1 else ''}"
        kept = "the responses kept" if self._responses else "the responses"
        if self._responses:
            notes.append(f"{counted(self._responses, 'response')} that fewer users judged than others: left out")
        if self._silent:
            notes.append(f"{self._silent:,.12g} {of} judged none of {kept}: left out")
        if self._partial:
            done = "the others tie at the bottom" if self._bottom else "left out"
            notes.append(f"{self._partial:,.12g} {of} judged only some of {kept}: {done}")
        if self._alone:
            notes.append(f"{counted(self._alone, 'user')} without a group: in no group's win rate")
        if self.thin:
            least = f"fewer than {counted(min_users, 'user')}" if any(self.thin) else "no user"
            users = counted(sum(self.thin), "user")
            notes.append(f"{counted(len(self.thin), 'prompt')} with {least} left: left out, with {users}")
        return notes


def _groups(judged: Judged) -> dict[str, tuple[Floats, Floats]]:
    """Returns the scores and weights of the users of each group."""
    members = defaultdict(list)
    for user, group in enumerate(judged.groups):
        if group:
            members[group].append(user)
    rows = ((group, judged.scores[users], judged.weights[users]) for group, users in members.items())
    return {group: (scores, weights) for group, scores, weights in rows if weights.any()}


def _population(judged: Judged, tie_width: float, choosing: Choosing, scores: Floats, weights: Floats) -> Users:
    rounded = -_tied(scores, tie_width) if tie_width > 0 else scores
    return choosing.by_scores(rounded, weights, distinct(judged.responses))


def _tied(scores: Floats, width: float) -> Floats:
    """Returns `[U, N]` places of scores, which are equal where a step from one to the next is below the width."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    with np.errstate(invalid="ignore"):  # unknown less unknown
        # .4 - .3 is less than .1, for rounding
        steps = ordered[:, :-1] - ordered[:, 1:] >= width * (1 - 1e-9)
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


def distinct(names: Sequence[str]) -> list[str]:
    """Returns names of which those that are repeated have their number added, and once more where that is a name."""
    found: dict[str, None] = {}
    for i, name in enumerate(names, start=1):
        while name in found:
            name = f"{name} ({i})"
        found[name] = None
    return list(found)
