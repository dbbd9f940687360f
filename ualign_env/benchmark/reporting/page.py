"""The page of a folder of results: one file without anything from elsewhere, readable without scripts.

Axes: A agents, T tasks.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ualign_env._text import counted
from ualign_env._types import Floats
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.reporting.charts import Axis, Line, chart, style_of
from ualign_env.benchmark.reporting.crossplay import cross_play
from ualign_env.benchmark.reporting.standings import (
    Board,
    Standing,
    boards,
    cost_text,
    end_of,
    failures,
    reason_of,
    score_of_row,
)
from ualign_env.benchmark.reporting.statistics import ERT_TARGETS, LEAST, TaskKey, costs_of, score_of, task_of
from ualign_env.benchmark.reporting.unseen import COLUMNS, ByTask
from ualign_env.benchmark.results import RunResult

_TEMPLATES = Path(__file__).with_name("templates")


def page(
    results: Iterable[RunResult],
    title: str,
    command: str,
    machine: dict[str, str],
    standing: Sequence[Board] | None = None,
    told: Mapping[str, ByTask] | None = None,
) -> str:
    """Returns the page as HTML.

    Args:
        results: of one suite.
        title: what it is of.
        command: what made it.
        machine: where.
        standing: their leaderboards, made unless they are given.
        told: what baselines reach that are told the users of prompts held out; see `unseen.told`.
    """
    listed = list(results)
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = boards(listed) if standing is None else standing
    sections = [_section(board, board.of(listed), told or {}, number) for number, board in enumerate(found)]
    return templates.get_template("page.html").render(
        title=title,
        suite=listed[0].suite if listed else "",
        runs=len(listed),
        sections=sections,
        failures=failures(listed),
        classes=CLASSES,
        command=command,
        machine=machine,
        declared=sorted({result.agent for result in listed if not result.enforced}),
        targets=[f"{target:.0e}" for target in ERT_TARGETS],
        style=Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # our own
        script=Markup((_TEMPLATES / "page.js").read_text(encoding="utf-8")),  # noqa: S704
    )


def _section(board: Board, results: list[RunResult], told: Mapping[str, ByTask], number: int) -> dict[str, Any]:
    """Returns everything that the page shows of a leaderboard."""
    agents = [row.agent for row in board.standings]
    matrix = cross_play(results, agents, board.tasks) if board.kind == "samples" else None
    unit = board.currency
    return {
        "id": f"board{number}",
        "badge": CLASSES[board.information].badge,
        "title": board.title,
        "unit": unit,
        "budget": f"{board.budget:,.12g}",
        "tasks": len(board.tasks),
        "rows": [_row(row, board) for row in board.standings],
        "unseen": _unseen(board, told),
        "ecdf": _svg(_ecdf(board, unit)),
        "heat": _heat(results, agents, board.tasks),
        "task_names": [_name(task) for task in board.tasks],
        "agents": [{"name": name, **_legend(i)} for i, name in enumerate(agents)],
        "matrix": None if matrix is None else [[_share(value) for value in line] for line in matrix.tolist()],
        "scenarios": [_scenario(task, results, agents, board, unit) for task in board.tasks],
    }


def _unseen(board: Board, told: Mapping[str, ByTask]) -> dict[str, Any]:
    """Returns the table of prompts held out: agents, then baselines told their users."""
    found = {row.agent: row.unseen for row in board.standings}
    held = [task for task in board.tasks if any(task in own for own in found.values())]
    nothing = [""] * len(COLUMNS)
    rows, references = (
        [(name, [own[task].cells if task in own else nothing for task in held]) for name, own in group.items()]
        for group in (found, told)
    )
    return {"tasks": [_name(task) for task in held], "columns": COLUMNS, "rows": rows, "references": references}


def _row(row: Standing, board: Board) -> dict[str, Any]:
    low, high = row.score.low, row.score.high
    return {
        "agent": row.agent,
        "rank": "" if row.rank is None else row.rank,
        "score": score_of_row(row),
        "interval": "" if low is None or high is None else f"{low:.2f} to {high:.2f}",
        "started_score": "" if math.isnan(row.score_started) else f"{row.score_started:.2f}",
        "solved": f"{100 * row.curve.shares[-1]:.0f}",
        "area": f"{100 * row.curve.area:.0f}",
        "costs": ["" if math.isinf(cost) else cost_text(cost) for cost in row.costs],
        "mean_rank": f"{row.mean_rank:.1f}",
        "started": f"{row.started}/{len(board.tasks)}",
        "over": row.over or "",
        "seeds": row.seeds if row.random else "any",
        "worst": "" if row.worst_group is None else f"{row.worst_group:.3f}",
        "rate": f"{row.rate:.4f}",
        "enforced": row.enforced,
    }


def _ecdf(board: Board, unit: str) -> str:
    costs = board.standings[0].curve.costs
    lines = [
        Line(row.agent, row.curve.costs, row.curve.shares, row.curve.low, row.curve.high) for row in board.standings
    ]
    x, y = Axis(unit, float(costs[0]), float(costs[-1]), log=True), Axis("share of tasks and targets solved", 0.0, 1.0)
    return chart("share of pairs of tasks and targets that are solved, by what was spent", lines, x, y, steps=True)


def _heat(results: Sequence[RunResult], agents: Sequence[str], tasks: Sequence[TaskKey]) -> list[list[dict[str, Any]]]:
    """Returns the cells of agents and tasks: how far from the optimum each was, or why it did not start."""
    cells: dict[tuple[str, TaskKey], list[RunResult]] = {}
    for result in results:
        cells.setdefault((result.agent, task_of(result)), []).append(result)
    return [[_cell(cells.get((name, task), [])) for task in tasks] for name in agents]


def _cell(runs: Sequence[RunResult]) -> dict[str, Any]:
    if not runs:
        return {"text": "", "kind": "none", "why": "not run"}
    ranked = [run for run in runs if run.ranked is not None]
    if not ranked:
        return {"text": end_of(runs[0]), "kind": "missing", "why": reason_of(runs[0])[:300]}
    decades = float(np.mean([score_of(run) for run in ranked]))
    return {
        "text": f"{'≤' if 10**-decades <= LEAST else ''}{10**-decades:.0e}",
        "kind": f"h{min(10, max(0, round(decades)))}",
        "why": f"shortfall {10**-decades:.2e}, {len(ranked)} of {counted(len(runs), 'run')}",
    }


def _scenario(
    task: TaskKey, results: Sequence[RunResult], agents: Sequence[str], board: Board, unit: str
) -> dict[str, Any]:
    """Returns the charts of a task: shortfall by what was spent, and the win rate of ever more samples."""
    own = [one for one in results if task_of(one) == task]
    by_agent = {name: [one for one in own if one.agent == name] for name in agents}
    costs = costs_of(board.budget, board.unit)
    short = [Line(name, costs, _typical(by_agent[name], costs)) for name in agents]
    x = Axis(unit, float(costs[0]), float(costs[-1]), log=True)
    found = {
        "name": _name(task),
        "shortfall": _svg(chart("shortfall", short, x, Axis("shortfall", 1e-10, 1.0, log=True))),
    }
    curves = [_curve(name, by_agent[name]) for name in agents]
    known = [one for line in curves if line is not None for one in line.xs]
    if known and task[2] == 1:
        sizes = np.unique(np.array(known))
        best = Line("k/(k+1)", sizes, sizes / (sizes + 1))
        blank = Line("", np.array([1.0]), np.array([np.nan]))
        over_k = chart(
            "robust win rate by the number of samples",
            [*(blank if line is None else line for line in curves), best],
            Axis("k", float(sizes[0]), float(sizes[-1]), log=True),
            Axis("robust win rate", 0.0, 1.0),
        )
        found["over_k"] = _svg(over_k)
    return found


def _typical(runs: Sequence[RunResult], costs: Floats) -> Floats:
    """Returns `[C]`: the median over seeds of the shortfall at each cost, NaN before the first look."""
    rows = []
    for run in runs:
        row, at = np.full(costs.size, np.nan), 0.0
        if run.ranked is None:
            continue
        for look in run.trace:
            at = look.of(run.unit)
            if at <= run.budget:
                row[costs >= at] = max(look.shortfall, LEAST)
        rows.append(row)
    if not rows:
        return np.full(costs.size, np.nan)
    table = np.array(rows)
    known = np.isfinite(table).all(axis=0)
    out = np.full(costs.size, np.nan)
    out[known] = np.median(table[:, known], axis=0)
    return out


def _curve(name: str, runs: Sequence[RunResult]) -> Line | None:
    for run in runs:
        if run.ranked is not None and run.scorecard and run.scorecard.get("curve"):
            points = np.array(run.scorecard["curve"], np.float64)
            return Line(name, points[:, 0], points[:, 1])
    return None


def _name(task: TaskKey) -> str:
    name, k, l = task
    return f"{name}, k = {k}" + (f", l = {l}" if l > 1 else "")


def _legend(number: int) -> dict[str, Any]:
    colour, dashes = style_of(number)
    return {"colour": colour, "dashes": dashes}


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _svg(text: str) -> Markup:
    return Markup(text)  # noqa: S704  # of charts, which escape what they are given
