"""Ratings: how users scored responses, one score a row, or one user a row.

Judges who score the answers of models to prompts are users, the models responses (`user:judge/response:model`); where
each prompt is to be a user who judges models, it is the other way round (`user:prompt/response:model/prompt:""`).
"""

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env.readers.arguments import checked
from ualign_env.readers.choosing import Choosing
from ualign_env.readers.collector import Collector
from ualign_env.readers.features import Features
from ualign_env.readers.judgements import made
from ualign_env.readers.table import TableLike, as_table, as_text
from ualign_env.scenario import Scenario

_KNOWN = 10_000  # different scores that are remembered


@checked
def read_ratings(
    table: TableLike,
    *,
    prompt: str = "prompt",
    user: str = "user",
    response: str = "response",
    score: str = "score",
    levels: tuple[str, ...] = (),
    group: str = "",
    missing: str = "complete",
    responses: int | str = "all",
    lower_is_better: bool = False,
    repeated: str = "error",
    min_users: int = 2,
    tie_width: float = 0.0,
    probabilities: str = "equal",
    features: str = "",
    users: str = "certain",
    tau: float = 1.0,
    noise: str = "response",
    samples: int = 100,
    seed: int = 0,
) -> Scenario:
    """Ratings, one a row: a user's score for a response to a prompt.

    Prompts, users and responses are in order of their appearance. Rows without a score say nothing, and are counted in
    the scenario's `notes`, as everything is that is left out.

    Args:
        table: a path of a `.csv`, `.tsv`, `.jsonl` or `.parquet` file, a pandas or polars frame, or a dictionary of
            columns. In jsonl, `a.b.0` names a part of an object or list.
        prompt: the column of prompts; where the table has none of this name, or it is `""`, all is one prompt.
        user: the column of whoever judges.
        response: the column of what is judged.
        score: the column of numbers; only their order for a user and prompt matters.
        levels: the texts of an answer scale, the lowest first, such as `disagree;neutral;agree`; none for numbers.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        missing: what becomes of users who did not rate all responses to a prompt: `"complete"` leaves them out,
            `"bottom"` ties what they did not rate below the rest.
        responses: how many to keep for each prompt, those that most users rated; `"all"` keeps all.
        lower_is_better: whether a lower score is better.
        repeated: what counts where a user rated a response to a prompt twice: `"error"`, `"last"` or `"mean"`.
        min_users: prompts with fewer users are left out.
        tie_width: a user's scores that are closer than this are equal; so are those joined by a chain of such pairs.
        probabilities: how likely prompts are: `"equal"`, or as many `"users"` as they have.
        features: a column of what is seen of a prompt, such as an embedding: a list of numbers, as `[0.1, 0.2]` or
            `0.1;0.2`, the same in all rows of a prompt. Learners then see features alone, and all prompts must have the
            same responses, which are in one order; `""` for none.
        users: how users choose by their scores: `"certain"`, by their order; `"logit"` or `"probit"`, by scores plus
            noise.
        tau: temperature of noisy users, in units of the scores.
        noise: what draws its own, `"response"` or `"slot"`: see `noisy_users`.
        samples: rankings that are drawn of each user, with noise for every response.
        seed: of these.

    Raises:
        ValueError: if a column is missing, a cell is wrong, a rating is repeated, or nothing is left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    rows, choosing = as_table(table), Choosing(users, tau, noise, samples, seed)
    _checks.one_of("repeated", repeated, ("error", "last", "mean"))
    _checks.one_of("missing", missing, ("complete", "bottom"))
    sign = -1.0 if lower_is_better else 1.0
    columns = rows.prompt_column(prompt)
    if features and not columns:
        raise ValueError(
            f"{rows.name}: features is {features!r:.100}, but there is no column of prompts that have them"
        )
    seen = Features(rows, features)
    collector, blank = Collector(rows, prompt if columns else "", user, response, repeated), 0
    numbers: dict[str, float] = {}  # few scores occur again and again
    optional = [column for column in (*columns, features, group) if column]
    for place, (who, what, value, *rest) in rows.rows(user, response, score, *optional):
        said = numbers.get(value) if type(value) is str else None
        if said is None:
            said = rows.number(place, score, value, levels)
            if type(value) is str and len(numbers) < _KNOWN:
                numbers[value] = said
        if said != said:
            blank += 1
            continue
        member = as_text(rest[-1]) if group else ""
        if features:
            seen.add(place, rows.text(place, prompt, rest[0]), rest[1])
        collector.add(place, rest[0] if rest else None, who, what, sign * said, member)

    def notes() -> list[str]:
        found = [f"{counted(blank, 'row')} without a score: left out"] * bool(blank)
        whole = rows.one_prompt(prompt, [user, response, score, *optional])
        return [*found, *collector.repetitions("rating", "response"), *whole]

    kept: list[str] = []
    scenario = made(
        rows.name,
        collector.judged(),
        bottom=missing == "bottom",
        responses=responses,
        min_users=min_users,
        tie_width=tie_width,
        probabilities=probabilities,
        choosing=choosing,
        notes=notes,
        kept=kept,
    )
    return seen.seen(scenario, kept) if features else scenario
