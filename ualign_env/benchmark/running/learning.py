"""An agent learning a task: its clock, its steps, and the looks at it, wherever it runs and whoever scores."""

import math
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ualign_env._checks import TooLargeError
from ualign_env._text import counted
from ualign_env.benchmark.agents import Agent
from ualign_env.benchmark.budget import Budget, Looks, Spent
from ualign_env.benchmark.oracle import OutOfPlaysError
from ualign_env.benchmark.results import Status
from ualign_env.benchmark.running.cpu import own_cpu
from ualign_env.benchmark.running.unseen import kept
from ualign_env.benchmark.tasks import Checkpoint, Task
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read

_NOTHING = object()  # of what an agent yields

#: How much of a budget of seconds may go into reading policies, beside it.
READING = 0.1


@dataclass(frozen=True)
class Verdict:
    """What a look has led to: whether the agent goes on, and how many seconds scoring took."""

    go_on: bool
    seconds: float


@dataclass(frozen=True)
class End:
    """How a run ended.

    Attributes:
        status: what the benchmark makes of it.
        error: why it is not `"learned"`.
        spent: all that was spent, within the budget and beyond it.
        longest_step: seconds of CPU.
        max_rss_mb: the most memory that the process has had.
        output: the last lines that the agent printed.
    """

    status: Status
    error: str | None
    spent: Spent
    longest_step: float = 0.0
    max_rss_mb: float | None = None
    output: str = ""


#: Scores what an agent has learned.
Report = Callable[[Spent, PolicyTable], Verdict]


class _Clock:
    """The agent's time, which stands still while what it has learned is read and scored.

    Reading a policy may be work that the agent has put off: what exceeds a share of the budget is its own time.
    """

    def __init__(self, budget: Budget) -> None:
        self.cpu = self.wall = self.longest = 0.0
        self._left = READING * budget.amount if budget.unit == "seconds" else math.inf
        self.go_on()

    def go_on(self) -> None:
        """Starts it, after it has stood still."""
        self._cpu, self._wall = own_cpu(), time.perf_counter()

    def tick(self) -> None:
        """Counts what was spent since it was looked at last, or started."""
        cpu, wall = own_cpu(), time.perf_counter()
        self.cpu += cpu - self._cpu
        self.wall += wall - self._wall
        self.longest = max(self.longest, cpu - self._cpu)
        self._cpu, self._wall = cpu, wall

    def read(self, seconds: float) -> None:
        """Counts the seconds of CPU that it took to read a policy."""
        self.cpu += max(0.0, seconds - self._left)
        self._left = max(0.0, self._left - seconds)


def learn(agent: Agent, task: Task, budget: Budget, report: Report, keep: list[Any] | None = None) -> End:
    """Lets an agent learn until its budget is spent, it ends, it fails, or there is nothing left to learn.

    Args:
        agent: the agent.
        task: the task, as the agent's class of information sees it.
        budget: what it may spend. Steps are not cut short: the last one can go beyond the budget, and is then scored,
            but not ranked.
        report: called with what was learned at each look.
        keep: to which what was learned at each look is added, to be asked about prompts held out.
    """
    clock, looks, spent = _Clock(budget), Looks(budget), Spent()
    hidden = task.scenario.populations[0].only_pick
    policy: Any = None
    looked, over = True, ""
    status: Status
    status, error = "learned", None

    def look() -> bool:
        nonlocal spent
        begin, cpu = time.perf_counter(), own_cpu()
        table = read(policy, task.scenario, task.k)
        reading = time.perf_counter() - begin
        clock.read(own_cpu() - cpu)
        spent = replace(spent, cpu=clock.cpu)
        verdict = report(spent, table)
        if keep is not None:
            keep.append(kept(policy))
        looks.taken(spent, reading + verdict.seconds)
        clock.go_on()
        return verdict.go_on

    try:
        policies = policies_of(agent, task)
        while not looks.over(spent):
            try:
                given = next(policies, _NOTHING)
            except OutOfPlaysError as refused:
                given, over = _NOTHING, f" before this: {refused}"
            clock.tick()
            if given is _NOTHING:
                plays = task.users().plays if hidden else spent.plays
                spent = Spent(clock.cpu, clock.wall, spent.steps, plays)
                if not looked:
                    look()
                elif not spent.steps:
                    status, error = "failed", f"the agent yielded no policy{over}"
                break
            plays = task.users().plays if hidden else getattr(given, "plays", None)
            spent = Spent(clock.cpu, clock.wall, spent.steps + 1, spent.plays if plays is None else int(plays))
            policy = given.policy if isinstance(given, Checkpoint) else given
            looked = False
            if looks.due(spent):
                looked = True
                if not look():
                    break
    except KeyboardInterrupt:
        status, error = "interrupted", f"interrupted after {counted(spent.steps, 'step')}"
    except TooLargeError as refused:
        status, error = "unsupported", str(refused)
    except MemoryError as failed:
        status, error = "out-of-memory", _trace(failed)
    except (Exception, SystemExit) as failed:  # one agent's failure must not lose the others' results
        status, error = "failed", _trace(failed)
    clock.tick()
    return End(status, error, replace(spent, cpu=clock.cpu, wall=clock.wall), clock.longest)


def policies_of(agent: Agent, task: Task) -> Iterator[Any]:
    """Returns what an agent yields."""
    given = agent(task)
    if not isinstance(given, Iterator):
        raise ValueError(f"an agent must be a generator, which yields policies, but this one returned {given!r:.200}")
    return given


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
