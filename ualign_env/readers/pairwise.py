"""Comparisons of two responses: a user's own, made an order by a rule, or pooled, for one sample alone.

Axes of one user: N responses.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env._types import Floats, Ints
from ualign_env.readers.arguments import checked
from ualign_env.readers.arrays import as_arrays
from ualign_env.readers.choosing import CERTAIN, Choosing
from ualign_env.readers.collector import Groups, Names
from ualign_env.readers.judgements import Judged, check_numbers, distinct, made, whole
from ualign_env.readers.table import Table, TableLike, as_table, as_text, is_gap
from ualign_env.scenario import Scenario
from ualign_env.users import PairwiseUsers, has_cycle

POOLED = "pooled"
FITTED = ("user", "group", "all")
RULES = ("bradley-terry", "copeland", "win-share", POOLED)
_TIED = 1e-7  # strengths that differ by less are equal: Newton's method stops far below
_STEPS = 200


@checked
def read_pairwise(
    table: TableLike,
    *,
    rule: str = "",
    prompt: str = "prompt",
    user: str = "user",
    chosen: str = "chosen",
    rejected: str = "rejected",
    winner: str = "",
    tie: str = "",
    group: str = "",
    prior: float = 0.0,
    missing: str = "complete",
    min_users: int = 2,
    probabilities: str = "equal",
    users: str = "certain",
    fitted: str = "user",
    noise: str = "response",
    samples: int = 100,
    seed: int = 0,
) -> Scenario:
    """Comparisons, one a row: a user chose one response to a prompt and rejected another.

    The rule that makes a user's order of her comparisons has no default, since answers depend on it. Single comparisons
    say nothing of what a user would choose among three, so that nothing follows from pooled ones for k above 1.

    Args:
        table: a path, a frame or a dictionary of columns, as in `read_ratings`.
        rule: how a user's comparisons become an order: `"bradley-terry"`, by the strengths that make them likeliest;
            `"copeland"`, by the number of responses that each beat more often than not, less those that it lost to;
            `"win-share"`, by the share of its comparisons that each won. Or `"pooled"`: whoever made them, only the
            share of comparisons that each response won against each other is kept; `min_users` then counts comparisons.
        prompt: the column of prompts; where the table has none of this name, or it is `""`, all is one prompt.
        user: the column of whoever compares; not needed for pooled comparisons.
        chosen: the column of what was chosen.
        rejected: the column of what was not.
        winner: where `chosen` and `rejected` are but the two that were compared, a column that says which was chosen:
            the response, the name of its column, or tie; `""` for none.
        tie: a column that says where neither was better: true, 1, yes, or what begins with tie; `""` for none. A tie is
            half a win.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        prior: for Bradley-Terry, comparisons that each response won, and as many that it lost, against one of mean
            strength. At 0 a user needs a chain of wins from each response to each other.
        missing: what becomes of users who did not compare all responses to a prompt: `"complete"` leaves them out,
            `"bottom"` ties what they did not compare below the rest.
        min_users: prompts with fewer users are left out.
        probabilities: how likely prompts are: `"equal"`, or as many `"users"` as they have.
        users: how users choose by the scores of the rule: `"certain"`, by their order; or `"logit"`, noisily as
            Bradley-Terry has it, by the strengths that were fitted.
        fitted: whose comparisons logit users are fitted to: each `"user"`'s own, those of her `"group"`, or of `"all"`
            together; a group is then one type, with the weight of its users.
        noise: what draws its own, `"response"` or `"slot"`: see `noisy_users`.
        samples: rankings that are drawn of each of them, with noise for every response.
        seed: of these.

    Raises:
        ValueError: if no rule is given, a column is missing, strengths are infinite, or nothing is left.
        TooLargeError: if the file or what it would make is too large.
    """
    rows = as_table(table)
    if rule not in RULES:
        wanted = "one of" if rule else "chosen, since answers depend on it:"
        listed = f"{', '.join(RULES)} (the last where users are unknown, for k = 1 alone)"
        raise ValueError(f"{rows.name}: rule is {rule!r:.100}, but must be {wanted} {listed}")
    _checks.one_of("missing", missing, ("complete", "bottom"))
    _checks.scale("prior", prior, high=1e6, zero=True)
    choosing = Choosing(users, 1.0, noise, samples, seed)
    _check_fit(rule, users, _checks.one_of("fitted", fitted, FITTED), group)
    pooled = rule == POOLED
    if pooled and missing != "complete":
        raise ValueError(f"missing is {missing!r}, but of pooled comparisons nobody's are complete: leave it out")
    columns = {"prompt": prompt} if rows.prompt_column(prompt) else {}
    needed = not pooled and (fitted == "user" or rows.has(user))
    columns |= {"chosen": chosen, "rejected": rejected} | ({"user": user} if needed else {})
    columns |= {name: column for name, column in (("winner", winner), ("tie", tie), ("group", group)) if column}
    said, blank = _Comparisons(rows, prompt, user, chosen), 0
    for place, cells in rows.rows(*columns.values()):
        row = dict(zip(columns, cells, strict=True))
        if is_gap(row["chosen"]) or is_gap(row["rejected"]):
            blank += 1
            continue
        share = _share(rows, place, (chosen, rejected), winner, row) if winner else 1.0
        said.add(place, row, 0.5 if tie and _is_tie(rows, place, tie, row["tie"]) else share)
    lost = [f"{counted(blank, 'row')} without two responses: left out"] * bool(blank)
    lost += rows.one_prompt(prompt, columns.values())
    if pooled:
        return _pooled(rows.name, said, min_users, probabilities, lost)
    orders = _Orders(rows.name, said, rule, prior, complete=missing == "complete", fitted=fitted)
    return made(
        rows.name,
        orders.judged(),
        bottom=missing == "bottom",
        min_users=min_users,
        tie_width=_TIED if users == CERTAIN else 0.0,
        probabilities=probabilities,
        choosing=choosing,
        notes=lambda: [*lost, *(orders.notes() if users == CERTAIN else orders.fit())],
    )


def _check_fit(rule: str, users: str, fitted: str, group: str) -> None:
    """Raises an error unless strengths can be fitted as they are to be."""
    if users != CERTAIN and (rule, users) != ("bradley-terry", "logit"):
        raise ValueError(
            f"users choose by {users!r} with rule {rule!r}, but only bradley-terry fits users, and logit ones"
        )
    if fitted != "user" and users == CERTAIN:
        raise ValueError(f"fitted is {fitted!r}, but users are {CERTAIN}: together they have no order; logit ones have")
    if fitted == "group" and not group:
        raise ValueError("fitted is 'group', but no column of groups is named: group:COLUMN")


def _share(rows: Table, place: int, columns: tuple[str, str], winner: str, row: dict[str, Any]) -> float:
    """Returns what share of a win the first of two responses had."""
    text = as_text(row["winner"])
    for share, column, name in ((1.0, columns[0], "chosen"), (0.0, columns[1], "rejected")):
        if text in (column, as_text(row[name])):
            return share
    if _ties(text):
        return 0.5
    raise ValueError(
        f"{rows.where(place)}: {winner} is {text!r:.100}, but must be {columns[0]}, {columns[1]}, what stands there, "
        "or tie"
    )


def _is_tie(rows: Table, place: int, column: str, cell: Any) -> bool:
    """Returns whether a cell says that neither response was better."""
    text = as_text(cell).lower()
    if is_gap(cell) or text in ("0", "0.0", "false", "f", "no", "n", "none"):
        return False
    if text in ("1", "1.0", "true", "t", "yes", "y") or _ties(text):
        return True
    raise ValueError(f"{rows.where(place)}: {column} is {cell!r:.100}, but must be true, 1, yes or tie, or else blank")


def _ties(text: str) -> bool:
    """Returns whether a text is a word for a tie."""
    return text.lower().startswith(("tie", "both", "draw", "equal"))


class _Comparisons:
    """All comparisons, each with its prompt, user, group, responses and share of a win, in order of appearance."""

    def __init__(self, rows: Table, prompt: str, user: str, response: str) -> None:
        self._rows = rows
        self.prompts, self.users, self.responses = (Names(rows, column) for column in (prompt, user, response))
        self.groups: dict[int, str] = {}  # of comparisons
        self._of_users = Groups()
        self._codes, self._shares = array("q"), array("d")

    def add(self, place: int, row: dict[str, Any], share: float) -> None:
        """Adds the comparison of a row, of which the chosen response won a share."""
        x = self.prompts.of(place, row["prompt"]) if "prompt" in row else 0
        u = self.users.of(place, row["user"]) if "user" in row else 0
        better, worse = (self.responses.of(place, row[name]) for name in ("chosen", "rejected"))
        if better == worse:
            raise ValueError(f"{self._rows.where(place)}: compares {as_text(row['chosen'])!r:.100} with itself")
        if "group" in row:
            group = self.groups[len(self._shares)] = as_text(row["group"])
            if "user" in row:
                self._of_users.put((x, u), group, self._rows, place, row["user"])
        self._codes.extend((x, u, better, worse))
        self._shares.append(share)

    def by_prompt(self) -> Iterator[tuple[str, list[str], Ints, Floats]]:
        """Yields each prompt, its responses, and its comparisons: `[B, 4]` index, user, two of these; `[B]` shares."""
        codes, shares = np.asarray(self._codes).reshape(-1, 4), np.asarray(self._shares)
        prompts, responses = list(map(str, self.prompts)) or [""], list(map(str, self.responses))
        order = np.argsort(codes[:, 0], kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(codes[order, 0])) + 1) if len(order) else []:
            # in the order of the whole file, so that prompts with the same responses number them alike
            own, places = np.unique(codes[rows, 2:], return_inverse=True)
            pairs = places.reshape(-1, 2)
            table = np.column_stack([rows, codes[rows, 1], pairs])
            yield prompts[codes[rows[0], 0]], [responses[y] for y in own], table, shares[rows]


class _Orders:
    """The orders that a rule makes of users' comparisons, with counts of what they say."""

    def __init__(self, name: str, said: _Comparisons, rule: str, prior: float, complete: bool, fitted: str) -> None:
        self._name, self._said, self._rule, self._prior, self._complete = name, said, rule, prior, complete
        self._fitted = fitted
        self._users = self._pairs = self._cyclic = self._comparisons = 0
        self._likelihood = 0.0

    def judged(self) -> Iterator[Judged]:
        """Yields the orders of each prompt's users."""
        for prompt, responses, table, shares in self._said.by_prompt():
            names, places, weights = self._types(table)
            scores = whole(self._name, len(names), len(responses))
            groups = [""] * len(names)
            order = np.argsort(places, kind="stable")
            for rows in np.split(order, np.flatnonzero(np.diff(places[order])) + 1):
                u = places[rows[0]]
                seen, pairs = np.unique(table[rows, 2:], return_inverse=True)
                if seen.size < len(responses) and self._complete:
                    scores[u, seen] = 0.0  # will be left out
                    continue
                won = _table(seen.size, pairs.reshape(-1, 2), shares[rows])
                what = f"{self._name}: {names[u]}, prompt {prompt!r:.100}"
                scores[u, seen] = _scores(won, self._rule, self._prior, what)
                self._comparisons += len(rows)
                self._likelihood += _log_likelihood(won, scores[u, seen])
                groups[u] = max(
                    self._said.groups.get(int(row), "") for row in table[rows, 0]
                )  # all that are named agree
                self._users += 1
                self._pairs += int(np.triu(won + won.T > 0).sum())
                self._cyclic += has_cycle(won > won.T)
            yield Judged(prompt, responses, scores, weights, groups if self._fitted != "all" else [])

    def _types(self, table: Ints) -> tuple[list[str], Ints, Floats]:
        """Returns what errors call each type whose comparisons are fitted together, whose each is, and their weights.

        Where users are unknown, each comparison counts as one.
        """
        known, users = len(self._said.users) > 0, table[:, 1]
        if self._fitted == "user":
            found, places = np.unique(users, return_inverse=True)
            names = list(map(str, self._said.users))
            return [f"user {names[u]!r:.100}" for u in found], places, np.ones(found.size)
        groups = [self._said.groups.get(int(row), "") if self._fitted == "group" else "" for row in table[:, 0]]
        names = list(dict.fromkeys(groups))
        places = np.array([names.index(group) for group in groups])
        members = [users[places == i] for i in range(len(names))]
        weights = [np.unique(some).size if known else some.size for some in members]
        return [f"group {name!r:.100}" if name else "all users" for name in names], places, np.array(weights, float)

    def fit(self) -> list[str]:
        """Returns how well strengths fit."""
        fitted = f"strengths of {counted(self._users, 'type')} of users, fitted to {self._comparisons:,} comparisons"
        return [f"{fitted} of {self._pairs:,} pairs: log-likelihood {self._likelihood:,.2f}"]

    def notes(self) -> list[str]:
        """Returns what kind of orders they are."""
        prior = f" with a prior of {self._prior:g}" if self._prior else ""
        said = [f"orders by {self._rule}{prior}: another rule may give others"]
        if self._users:
            mean = f"{self._pairs / self._users:.1f} pairs a user on the mean"
            said.append(f"{mean}; {self._cyclic:,} of {counted(self._users, 'user')} contradict themselves")
        elif self._complete:
            said.append(
                f"nobody compared all responses to a prompt: the rule {POOLED} keeps what single comparisons say"
            )
        return said


def _table(n: int, pairs: Ints, shares: Floats) -> Floats:
    """Returns `[N, N]`: how often the row was chosen over the column, from `[B, 2]` pairs and shares of wins."""
    won = np.zeros((n, n))
    np.add.at(won, (pairs[:, 0], pairs[:, 1]), shares)
    np.add.at(won, (pairs[:, 1], pairs[:, 0]), 1 - shares)
    return won


def _pooled(name: str, said: _Comparisons, min_users: int, probabilities: str, notes: list[str]) -> Scenario:
    """Returns users of whom pairwise preferences alone are known."""
    _checks.one_of("probabilities", probabilities, ("equal", "users"))
    titles, populations, groups, never, thin = [], [], [], 0, 0
    for prompt, responses, table, shares in said.by_prompt():
        if len(table) < min_users:
            thin += 1
            continue
        check_numbers(name, len(responses) ** 2)
        members = np.array([said.groups.get(int(row), "") for row in table[:, 0]])
        kinds = [kind for kind in dict.fromkeys(members.tolist()) if kind]
        users, unseen = _pool(table[:, 2:], shares, responses)
        own = {kind: (table[members == kind, 2:], shares[members == kind]) for kind in kinds}
        groups.append({kind: _pool(*some, responses)[0] for kind, some in own.items()})
        titles.append(prompt or Path(name).stem)
        populations.append(users)
        never += unseen
    if thin:
        notes = [*notes, f"{counted(thin, 'prompt')} with fewer than {min_users} comparisons: left out"]
    if not populations:
        reasons = "".join(f"; {note}" for note in notes)
        raise ValueError(f"{name}: no prompt has {counted(min_users, 'comparison')} or more{reasons}")
    if never:
        notes = [*notes, f"{counted(never, 'pair')} of responses that nobody compared: counted as tied"]
    sizes = np.array([users.n_users for users in populations], float)
    chances = sizes / sizes.sum() if probabilities == "users" else None
    notes = [*notes, "pooled comparisons: they determine payoffs for k = 1 alone"]
    return Scenario(populations, distinct(titles), chances, groups=groups, notes=notes)


def _pool(pairs: Ints, shares: Floats, responses: list[str]) -> tuple[PairwiseUsers, int]:
    """Returns users from their comparisons, and how many pairs were never compared."""
    won = _table(len(responses), pairs, shares)
    total = won + won.T
    preferences = np.divide(won, total, out=np.full(won.shape, 0.5), where=total > 0)
    unseen = int((total[np.triu_indices(len(won), 1)] == 0).sum())
    return PairwiseUsers(preferences, distinct(responses), len(pairs)), unseen


@checked
def read_preferences(table: Any, *, prompt: str = "") -> Scenario:
    """A matrix of pairwise preferences, the share of users who prefer the row to the column: for k = 1 alone.

    Args:
        table: a path of a `.npy` or `.npz` file, or an array: `[N, N]` chances that add up to 1 with their transpose,
            ties counted half. An `.npz` file holds it as `preferences`, and if it likes N names as `responses`.
        prompt: what the prompt is called; `""` for the file's name.

    Raises:
        ValueError: if it is no such matrix.
        TooLargeError: if the file is too large.
    """
    arrays = as_arrays(table, "preferences")
    if arrays is None:
        raise ValueError(f"table is {table!r:.200}, but must be a path that ends in .npy or .npz, or an array")
    try:
        users = PairwiseUsers(arrays.main, distinct(arrays.responses))
    except ValueError as error:
        raise ValueError(f"{arrays.name}: {error}") from None
    notes = ["a matrix of pairwise preferences: it determines payoffs for k = 1 alone"]
    return Scenario([users], [prompt or Path(arrays.name).stem], notes=notes)


def _scores(won: Floats, rule: str, prior: float, what: str) -> Floats:
    """Returns `[N]` scores of responses that a user compared, by a rule."""
    if rule == "copeland":
        return np.sign(won - won.T).sum(axis=1)
    if rule == "win-share":
        return won.sum(axis=1) / (won + won.T).sum(axis=1)
    return bradley_terry(won, prior, what)


def _log_likelihood(won: Floats, strengths: Floats) -> float:
    """Returns the logarithm of the chance of wins, given log strengths."""
    return -float(np.sum(won * np.logaddexp(0, strengths[None, :] - strengths[:, None])))


def bradley_terry(won: Floats, prior: float, what: str) -> Floats:
    """Returns `[N]` log strengths that make wins likeliest, by Newton's method.

    Args:
        won: `[N, N]` how often the row was chosen over the column.
        prior: wins, and as many losses, of each response against one of strength 0.
        what: what errors call the comparisons.

    Raises:
        ValueError: if there are no finite strengths.

    Source: R. A. Bradley & M. E. Terry, Biometrika 1952; existence: L. R. Ford, 1957.
    """
    if not prior and connected_components(won > 0, connection="strong")[0] > 1:
        raise ValueError(
            f"{what}: has no finite Bradley-Terry strengths, since some responses never lost to some others; a prior "
            "such as 0.1, or another rule, gives an order"
        )
    n = len(won)
    times, strengths = won + won.T, np.zeros(n)
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        alone = 1 / (1 + np.exp(-strengths))
        gradient = won.sum(axis=1) + prior - (times * chances).sum(axis=1) - 2 * prior * alone
        curvature = times * chances * chances.T
        hessian = np.diag(curvature.sum(axis=1) + 2 * prior * alone * (1 - alone)) - curvature
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        # a bound on the step keeps Newton's method from overshooting where it starts far off
        strengths = strengths + step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-12 * (1 + np.abs(strengths).max()):
            break
    return strengths
