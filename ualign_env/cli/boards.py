"""What the benchmark prints: how far it is, and leaderboards."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from ualign_env._text import counted, printable, short
from ualign_env.benchmark.reporting.compare import Comparison
from ualign_env.benchmark.reporting.standings import Board, cells_of, end_of, failures, reason_of
from ualign_env.benchmark.reporting.statistics import TaskKey, task_of
from ualign_env.benchmark.results import RunResult
from ualign_env.cli.output import emit, note
from ualign_env.cli.tables import print_table

_TASKS = 6  # tasks whose shortfalls are shown beside each other
_COSTS = "to 1e-02: expected cost of a shortfall of 0.01, starting again until it is met, which can exceed the budget"
_LINES = 12  # tasks whose best is shown while runs go on


class Progress:
    """How far a benchmark is: on a terminal, a bar with the time that is left and the best of each task."""

    def __init__(self, plan: str) -> None:
        """Makes the bar; `plan` says of what runs are going to be made."""
        self._plan = plan
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description:<48}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._total = self._made = 0
        self._task = self._bar.add_task("", total=None)
        self._best: dict[tuple[TaskKey, str], RunResult] = {}
        self._live = Live(self._bar, console=self._console, transient=True) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def begin(self, finished: int, total: int) -> None:
        """Tells how many runs are finished already, and how many there are."""
        self._made, self._total = finished, total
        if finished < total:
            note(f"{counted(total, 'run')} of {self._plan}")
        self._bar.update(self._task, completed=finished, total=total)
        if finished and self._live is None:
            note(f"finished already: {finished} of {counted(total, 'run')}")

    def add(self, result: RunResult) -> None:
        """Tells of a result."""
        self._made += 1
        said = f"shortfall {result.shortfall:.1e}"
        if result.ranked is None:
            said = f"{end_of(result)}: {short(reason_of(result), 100)}".removesuffix(": ")
        text = f"{result.agent}, {short(result.task, 30)}, k = {result.k}, seed {result.seed}"
        key = task_of(result), result.badge
        if key not in self._best or result.shortfall < self._best[key].shortfall:
            self._best[key] = result
        if self._live is None:
            note(f"{self._made}/{self._total} {text}: {said}")
            return
        self._bar.update(self._task, advance=1, description=printable(text))
        lines = [
            f"  {badge} {short(task, 40)}, k = {k}: {best.agent} {best.shortfall:.1e}"
            for ((task, k, _), badge), best in sorted(self._best.items(), key=lambda item: item[0])
        ]
        self._live.update(Group(self._bar, Text(printable("\n".join(lines[:_LINES])))))


def print_boards(boards: Sequence[Board], results: Iterable[RunResult]) -> None:
    """Prints a leaderboard a class, and why agents are missing from it."""
    listed = list(results)
    for board in boards:
        emit(f"{board.title} ({board.scope})")
        _print_board(board, board.of(listed))
        emit("")
    if boards:
        emit(_COSTS)
        emit("")
    for agent, status, reason, runs in failures(listed):
        emit(f"{agent}, {counted(runs, 'run')}, {status}: {reason}")


def _print_board(board: Board, results: Sequence[RunResult]) -> None:
    few = len(board.tasks) <= _TASKS
    several = any(l > 1 for _, _, l in board.tasks)
    names = [_task_name(task, board.tasks, several) for task in board.tasks] if few else []
    rows = []
    for row in board.standings:
        cells = cells_of(row, board)
        for task in board.tasks if few else ():
            own = [r.shortfall for r in results if r.agent == row.agent and task_of(r) == task and r.ranked]
            cells.append(f"{sum(own) / len(own):.1e}" if own else "-")
        rows.append(cells)
    print_table([*board.columns, *names], rows, numbers=True)


def _task_name(task: TaskKey, tasks: Sequence[TaskKey], several: bool) -> str:
    name = short(task[0], 24) if len({name for name, *_ in tasks}) > 1 else ""
    return " ".join([*[name] * bool(name), f"k={task[1]}", *[f"l={task[2]}"] * several])


def print_comparisons(found: Sequence[Comparison]) -> None:
    """Prints how the second of each two agents does on every task, and whether that is noise."""
    for i, one in enumerate(found):
        if i:
            emit("")
        emit(one.summary())
        rows = [
            (short(name, 40), str(k), str(l), f"{difference:+.2f}")
            for (name, k, l), difference in zip(one.tasks, one.differences, strict=True)
        ]
        print_table(("task", "k", "l", "decades"), rows, numbers=True)
        for side, missing in ((one.first, one.only_first), (one.second, one.only_second)):
            if missing:
                emit(f"only {side} has {counted(len(missing), 'more task')}")
