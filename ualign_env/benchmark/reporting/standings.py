"""Leaderboards: one for each class of information, for samples of a policy and for responses chosen together apart."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ualign_env._text import counted
from ualign_env.benchmark.agents import line_of
from ualign_env.benchmark.budget import Budget
from ualign_env.benchmark.information import CLASSES, Unit
from ualign_env.benchmark.reporting import unseen
from ualign_env.benchmark.reporting.statistics import (
    ERT_TARGETS,
    Curve,
    Interval,
    TaskKey,
    by_task,
    costs_of,
    enough_seeds,
    expected_cost,
    mean_ranks,
    overall,
    solved_curve,
    task_of,
)
from ualign_env.benchmark.results import RunResult

_SEED = 0  # of bootstrap samples: a report of the same results is the same


@dataclass(frozen=True)
class Standing:
    """An agent's line in a leaderboard.

    Attributes:
        agent: its name.
        rank: its place, None where it has had too few seeds, or not every task, or has learned nothing on any.
        score: interquartile mean of its scores, minus the common logarithms of shortfalls.
        score_started: the same, on tasks that it could start.
        curve: its ECDF.
        costs: expected costs to shortfalls of 1e-2, 1e-4 and 1e-6, each the median over tasks.
        mean_rank: mean over tasks.
        started: on how many tasks it learned something within its budget, in all its runs.
        over: in how many runs its budget ended before it had learned anything.
        seeds: the least number of seeds of a task.
        random: whether it depends on the seed.
        enforced: whether it could not see more than its class may.
        worst_group: mean win rate of the worst served group.
        rate: mean robust win rate.
        unseen: what it made of prompts held out, by task; empty where none are.
    """

    agent: str
    rank: int | None
    score: Interval
    score_started: float
    curve: Curve
    costs: tuple[float, ...]
    mean_rank: float
    started: int
    over: int
    seeds: int
    random: bool
    enforced: bool
    worst_group: float | None
    rate: float
    unseen: unseen.ByTask


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        information: the class.
        kind: `"samples"`; `"joint"` for agents that choose their responses together; `"versus"` for samples against
            several responses, for which the value of the game is out of reach.
        tasks: what was learned.
        unit: what budgets are counted in.
        budget: the greatest of them.
        standings: best first.
    """

    information: str
    kind: str
    tasks: tuple[TaskKey, ...]
    unit: Unit
    budget: float
    standings: tuple[Standing, ...]

    def of(self, results: Iterable[RunResult]) -> list[RunResult]:
        """Returns the results that it is of."""
        return [one for one in results if one.information == self.information and kind_of(one) == self.kind]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the leaderboard where it is text."""
        costs = [f"to {target:.0e}" for target in ERT_TARGETS]
        more = unseen.COLUMNS if any(row.unseen for row in self.standings) else ()
        return ("agent", "rank", "score", "95%", "solved", *costs, "started", *more)

    @property
    def currency(self) -> str:
        """What budgets are counted in, in words."""
        return "seconds of CPU" if self.unit == "seconds" else self.unit

    @property
    def scope(self) -> str:
        """How many tasks there are, and with what budget."""
        return f"{counted(len(self.tasks), 'task')}, {Budget(self.unit, self.budget)}"

    @property
    def title(self) -> str:
        """What it says above the table."""
        known = CLASSES[self.information]
        more = {"samples": "", "joint": ", responses chosen together", "versus": ", samples against several responses"}
        return f"{known.badge}: {known.title}{more[self.kind]}"


def score_of_row(row: Standing) -> str:
    """Returns an agent's score as text, a dash where it learned nothing: that would say how large the optimum is."""
    return f"{row.score.value:.2f}" if row.started else "-"


def cells_of(row: Standing, board: Board) -> list[str]:
    """Returns an agent's line as text, a cell for each of the board's columns."""
    low, high = row.score.low, row.score.high
    held_out = unseen.overall(row.unseen)
    cells = [
        row.agent,
        "-" if row.rank is None else str(row.rank),
        score_of_row(row),
        "" if low is None or not row.started or high is None else f"{low:.2f} to {high:.2f}",
        f"{row.curve.shares[-1]:.0%}",
        *(cost_text(cost) for cost in row.costs),
        f"{row.started}/{len(board.tasks)}",
        *(held_out.cells if held_out else ()),
    ]
    return cells + [""] * (len(board.columns) - len(cells))


def cost_text(cost: float) -> str:
    """Returns a cost in three digits, a dash for one that is infinite."""
    return "-" if math.isinf(cost) else f"{cost:.3g}" if cost < 1000 else f"{cost:,.0f}"


def kind_of(result: RunResult) -> str:
    """Returns in which kind of board a run stands."""
    return "joint" if result.joint else "versus" if result.l > 1 else "samples"


def boards(results: Iterable[RunResult]) -> list[Board]:
    """Returns the leaderboards of results of one suite, classes that know most first.

    Raises:
        ValueError: if results of several suites, or versions of one, are mixed.
    """
    listed = list(results)
    suites = sorted({result.suite for result in listed})
    if len(suites) > 1:
        raise ValueError(f"results of several suites cannot be compared: {', '.join(suites)}")
    groups: dict[tuple[str, str], list[RunResult]] = defaultdict(list)
    for result in listed:
        groups[result.information, kind_of(result)].append(result)
    order = [(name, kind) for name in CLASSES for kind in ("samples", "joint", "versus")]
    blind = unseen.blind_rates(listed)
    return [_board(*key, groups[key], blind) for key in order if key in groups]


def _board(information: str, kind: str, results: Sequence[RunResult], blind: Mapping[TaskKey, float]) -> Board:
    tasks = list(dict.fromkeys(sorted({task_of(result) for result in results})))
    agents: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        agents[result.agent].append(result)
    unit = results[0].unit
    budget = max(result.budget for result in results)
    scores = {name: by_task(own, tasks) for name, own in agents.items()}
    ranks = mean_ranks(scores)
    rows = []
    for name, own in agents.items():
        rng = np.random.default_rng(_SEED)
        kept = [result for result in own if result.ranked is not None]
        started = {task_of(result) for result in kept} - {task_of(r) for r in own if r.ranked is None}
        worst = [result.scorecard["worst_group_win_rate"] for result in kept if result.scorecard]
        rows.append(
            Standing(
                name,
                0 if kept and enough_seeds(own, tasks) else None,
                overall(scores[name], rng),
                overall([one for one, task in zip(scores[name], tasks, strict=True) if task in started], rng).value,
                solved_curve(own, tasks, costs_of(budget, unit), rng),
                tuple(_median_cost(own, tasks, target) for target in ERT_TARGETS),
                ranks[name],
                len(started),
                sum(result.status == "learned" and result.ranked is None for result in own),
                min(len({result.seed for result in own if task_of(result) == task}) for task in tasks),
                own[0].random,
                all(result.enforced for result in own),
                float(np.mean(worst)) if worst and None not in worst else None,
                float(np.mean([result.optimum - result.shortfall for result in own])),
                unseen.on_tasks(own, blind),
            )
        )
    # scores as they are shown; of those with the same, who was sooner
    rows.sort(key=lambda row: (-round(row.score.value, 2), -row.curve.area, row.agent))
    place = 0
    placed = []
    for row in rows:
        place += row.rank is not None
        placed.append(Standing(**{**vars(row), "rank": place if row.rank is not None else None}))
    return Board(information, kind, tuple(tasks), unit, budget, tuple(placed))


def _median_cost(results: Sequence[RunResult], tasks: Sequence[TaskKey], target: float) -> float:
    """Returns the median over tasks of the expected cost to a target, infinity where most tasks are not solved."""
    own: dict[TaskKey, list[RunResult]] = {task: [] for task in tasks}
    for result in results:
        own[task_of(result)].append(result)
    costs = [expected_cost(runs, target) for runs in own.values()]
    with np.errstate(invalid="ignore"):
        return float(np.quantile(costs, 0.5, method="higher"))


def end_of(result: RunResult) -> str:
    """Returns how a run ended that is not ranked, in a word or two."""
    return {"learned": "too late", "unsupported": "cannot start"}.get(result.status, result.status)


def reason_of(result: RunResult) -> str:
    """Returns why a run is not ranked: the last line of its error that begins something, and where it was."""
    if result.status == "learned":
        return f"what it learned first came after its budget of {Budget(result.unit, result.budget)}"
    error = result.error or ""
    lines = [line for line in error.splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if not line[0].isspace()), "")
    return f"{said}{line_of(error, result.place)}"


def failures(results: Iterable[RunResult]) -> list[tuple[str, str, str, int]]:
    """Returns why agents are missing from tasks: agent, how it ended and the reason, and on how many runs."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for result in results:
        if result.status != "learned" or result.ranked is None:
            found[result.agent, end_of(result), reason_of(result)] += 1
    return [(*key, count) for key, count in sorted(found.items())]
