"""An agent learning a task: its clock, its steps, and the looks at it, wherever it runs and whoever scores."""

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ualign_env._checks import TooLargeError
from ualign_env.benchmark.agents import Agent
from ualign_env.benchmark.budget import Budget, Looks, Spent
from ualign_env.benchmark.oracle import OutOfPlaysError
from ualign_env.benchmark.results import Status
from ualign_env.benchmark.tasks import Checkpoint, Task
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read


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
    """The agent's time, which stands still while nobody asks the agent for anything."""

    def __init__(self) -> None:
        self.cpu = self.wall = self.longest = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            step = time.process_time() - cpu
            self.cpu += step
            self.wall += time.perf_counter() - wall
            self.longest = max(self.longest, step)


def learn(agent: Agent, task: Task, budget: Budget, report: Report) -> End:
    """Lets an agent learn until its budget is spent, it ends, it fails, or there is nothing left to learn.

    Args:
        agent: the agent.
        task: the task, as the agent's class of information sees it.
        budget: what it may spend. Steps are not cut short: the last one can go beyond the budget, and is then scored,
            but not ranked.
        report: called with what was learned at each look.
    """
    clock, looks, spent = _Clock(), Looks(budget), Spent()
    hidden = task.scenario.populations[0].only_pick
    policy: Any = None
    looked = True
    status: Status
    status, error = "learned", None

    def look() -> bool:
        begin = time.perf_counter()
        table = read(policy, task.scenario, task.k)
        reading = time.perf_counter() - begin
        verdict = report(spent, table)
        looks.taken(spent, reading + verdict.seconds)
        return verdict.go_on

    try:
        with clock.running():
            policies = iter(agent(task))
        while not looks.over(spent):
            try:
                with clock.running():
                    given = next(policies)
            except (StopIteration, OutOfPlaysError):
                plays = task.users().plays if hidden else spent.plays
                spent = Spent(clock.cpu, clock.wall, spent.steps, plays)
                if not looked:
                    look()
                elif not spent.steps:
                    status, error = "failed", "the agent yielded no policy"
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
        status, error = "interrupted", f"interrupted after {spent.steps} steps"
    except TooLargeError as refused:
        status, error = "unsupported", str(refused)
    except MemoryError as failed:
        status, error = "out-of-memory", _trace(failed)
    except (Exception, SystemExit) as failed:  # one agent's failure must not lose the others' results
        status, error = "failed", _trace(failed)
    return End(status, error, replace(spent, cpu=clock.cpu, wall=clock.wall), clock.longest)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
