"""A benchmark: agents, tasks and seeds, made into runs, and what came of them."""

import inspect
import os
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ualign_env import _checks
from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env.benchmark.agents import Agent, AgentInfo, Declaration, describe_agent, list_agents
from ualign_env.benchmark.plan import Limits, NamedTask, Run, plan
from ualign_env.benchmark.results import FINISHED, RunResult
from ualign_env.benchmark.running.executors import Executor, Inline
from ualign_env.benchmark.store import Store, shard
from ualign_env.benchmark.suite import Suite, custom_suite, load_suite
from ualign_env.benchmark.tasks import Task

#: Told how many runs are finished already, and how many there are.
OnBegin = Callable[[int, int], None]

#: Told of each result as it comes.
OnResult = Callable[[RunResult], None]


@dataclass(frozen=True)
class Outcome(Result):
    """What running a benchmark has come to.

    Attributes:
        results: of all runs that are finished, those of earlier times too.
        missing: runs that are not.
        unwritten: why results could not be written, None where they were.
    """

    results: tuple[RunResult, ...]
    missing: tuple[Run, ...]
    unwritten: str | None = None

    def summary(self) -> str:
        """Returns how many runs have ended how."""
        ends = Counter(result.status for result in self.results)
        said = [f"{number} {status}" for status, number in ends.items()] + [f"{len(self.missing)} missing"]
        return f"{counted(len(self.results) + len(self.missing), 'run')}: {', '.join(said)}"

    def to_dict(self) -> dict[str, Any]:
        """Returns results, and the names of runs that are missing, as plain values."""
        results = [result.to_dict() for result in self.results]
        return {"results": results, "missing": [str(run) for run in self.missing], "unwritten": self.unwritten}


class Benchmark:
    """Agents that learn tasks, each with several seeds."""

    def __init__(
        self,
        tasks: str | Suite | Iterable[Task | NamedTask | str],
        agents: Iterable[str | Agent] | None = None,
        seeds: int | Sequence[int] | None = None,
        *,
        seconds: float | None = None,
        plays: int | None = None,
        steps: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Plans the runs.

        Args:
            tasks: a suite, its name, or tasks; specs stand for themselves with k = 1, 2 and 3.
            agents: names, `FILE.py:function`, `module:function` or functions; None: those of the suite, or all that
                play its tasks.
            seeds: how many, or which, for agents that depend on them; None: as many as the suite has.
            seconds: budget of agents that know the users, of CPU; None: the suite's.
            plays: budget of agents that ask users; None: the suite's.
            steps: budget of every agent, instead: what it then learns is the same each time, to the last bit.
            limits: what ends runs that do not end by themselves; None: the suite's.

        Raises:
            ValueError: if a suite, task or agent is unknown, or a number out of range.
        """
        self.suite = _suite(tasks).with_budgets(seconds, plays, steps)
        if steps is not None and not (seconds is None and plays is None):
            raise ValueError("steps are a budget instead of seconds and plays: leave out steps, or these")
        self.seeds = _seeds(self.suite.seeds if seeds is None else seeds)
        self.functions: dict[str, Agent] = {}
        named = _default(self.suite) if agents is None else _checks.several("agents", agents)
        if not named:
            raise ValueError("agents must be at least one")
        self.agents = [self._described(agent) for agent in named]
        _distinct(self.agents)
        kept = self.suite.limits if limits is None else limits
        self.runs = list(plan(self.agents, self.suite.tasks, self.seeds, self.suite.budget, kept, str(self.suite)))

    def __repr__(self) -> str:
        return f"Benchmark({self.suite}: {counted(len(self.runs), 'run')} of {counted(len(self.agents), 'agent')})"

    def _described(self, agent: str | Agent) -> AgentInfo:
        if isinstance(agent, str):
            return describe_agent(agent)
        if not callable(agent):
            raise ValueError(f"agent is {agent!r:.200}, but must be the name of one or a generator function")
        name = getattr(agent, "__name__", type(agent).__name__)
        place = _place(agent, name)
        self.functions[place] = agent
        if ":" in place:
            return describe_agent(place)
        declared = getattr(agent, "__ualign__", Declaration())
        return AgentInfo(name, place, declared, (inspect.getdoc(agent) or "").split("\n")[0])

    def run(
        self,
        executor: Executor | None = None,
        out: str | os.PathLike[str] | None = None,
        *,
        part: tuple[int, int] = (1, 1),
        retry_failed: bool = False,
        on_begin: OnBegin | None = None,
        on_result: OnResult | None = None,
    ) -> Outcome:
        """Makes the runs that are not finished, and returns all results.

        Args:
            executor: where; `Inline()`, in this process, unless it is given.
            out: a folder for the results; what it holds is not made again, unless its agent is a function that is in
                no file. Whatever ends the program, nothing that was finished is lost.
            part: (i, n): only the i-th of n parts of the runs.
            retry_failed: whether runs are made again that failed, timed out or died.
            on_begin: told how many runs are finished already, and how many there are.
            on_result: told of each result as it comes.

        Raises:
            ValueError: if another runner holds the folder, it holds results of another suite, or cannot be written to.
        """
        executor = executor or Inline(self.functions)
        runs = shard(self.runs, *part)
        store = None if out is None else Store(out)
        with nullcontext() if store is None else store.locked():
            kept: dict[str, RunResult] = {}
            if store is not None:
                store.describe(self.suite.text)
                known = [run for run in runs if self._is_known(run)]
                found = ((run.file, store.result(run)) for run in store.finished(known, retry_failed=retry_failed))
                kept = {name: result for name, result in found if result is not None}
            done = list(kept.values())
            waiting = {run.digest: run for run in runs if run.file not in kept}
            keeper = _Keeper(store)
            if on_begin is not None:
                on_begin(len(kept), len(runs))
            try:
                with closing(self._results(executor, list(waiting.values()))) as results:
                    for result in results:
                        if result.status in FINISHED:
                            done.append(result)
                            keeper.keep(waiting.pop(result.digest).file, result)
                        if on_result is not None:
                            on_result(result)
            except KeyboardInterrupt:
                pass
            finally:
                keeper.flush()
        order = {run.digest: i for i, run in enumerate(runs)}
        done.sort(key=lambda result: order[result.digest])
        return Outcome(tuple(done), tuple(waiting.values()), keeper.unwritten)

    def _is_known(self, run: Run) -> bool:
        """Returns whether a run's agent is found in other processes, so that its version changes with its source."""
        return run.agent.place not in self.functions or ":" in run.agent.place

    @staticmethod
    def _results(executor: Executor, todo: list[Run]) -> Generator[RunResult, None, None]:
        yield from executor.results(todo)


class _Keeper:
    """Writes results; those that cannot be written wait until there is room."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._waiting: dict[str, RunResult] = {}
        self.unwritten: str | None = None

    def keep(self, name: str, result: RunResult) -> None:
        """Writes a result, or notes why that is not possible."""
        self._waiting[name] = result
        self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        if self._store is None:
            return
        self.unwritten = None
        for name, result in list(self._waiting.items()):
            try:
                self._store.write(name, result)
                del self._waiting[name]
            except ValueError as error:
                self.unwritten = str(error)
                return


def run(
    agent: str | Agent,
    task: Task,
    *,
    seconds: float | None = None,
    plays: int | None = None,
    steps: int | None = None,
) -> RunResult:
    """Lets an agent learn a task in this process, and scores what it learned.

    Args:
        agent: an agent's name, such as `"cfr-plus"`, `FILE.py:function`, or a generator function that takes a `Task`
            and yields what it has learned so far, anything that `tabulate` takes, as often as it likes.
        task: the task.
        seconds: budget of agents that know the users, of CPU; None: 2.
        plays: budget of agents that ask users; None: 1,000,000.
        steps: budget of either, instead.

    Raises:
        ValueError: if there is no such agent, or an argument is none of these.
    """
    if not isinstance(task, Task):
        raise ValueError(f"task is {task!r:.200}, but must be a Task")
    made = Benchmark([task], [agent], [task.seed], seconds=seconds, plays=plays, steps=steps)
    return Inline(made.functions).result(made.runs[0])


def _suite(tasks: str | Suite | Iterable[Task | NamedTask | str]) -> Suite:
    if isinstance(tasks, Suite):
        return tasks
    if isinstance(tasks, str):
        return load_suite(tasks)
    named: list[NamedTask] = []
    for i, task in enumerate(_checks.several("tasks", tasks)):
        if isinstance(task, str):
            named += custom_suite([task], (1, 2, 3)).tasks
        elif isinstance(task, Task):
            named.append(NamedTask(task.scenario.name, replace(task, seed=0)))
        elif isinstance(task, NamedTask):
            named.append(task)
        else:
            raise ValueError(f"tasks[{i}] is {task!r:.200}, but must be a Task or a spec")
    if not named:
        raise ValueError("there must be at least one task")
    rows = "".join(f"# {one.name}: k = {one.task.k}, l = {one.task.l}\n" for one in named)
    return Suite("custom", 1, "tasks of somebody's own", tuple(named), text=f"# tasks made in Python\n{rows}")


def _seeds(given: Any) -> list[int]:
    """Returns the seeds that are meant by a number of them, or a list."""
    if isinstance(given, int) and not isinstance(given, bool):
        return list(range(_checks.count("seeds", given, 1, 10_000)))
    found = [_checks.count("seed", seed, 0) for seed in _checks.several("seeds", given)]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"seeds is {given!r:.200}, but must be a number of them, or a list of different ones")
    return found


def _default(suite: Suite) -> list[str]:
    """Returns the agents that compete unless others are named."""
    if suite.agents is not None:
        return list(suite.agents)
    found = []
    together = any(named.task.l > 1 for named in suite.tasks)
    for name in list_agents():
        try:
            declared = describe_agent(name).declared
        except ValueError as error:  # of other packages
            warnings.warn(f"left out: {error}", stacklevel=3)
            continue
        if declared.information in suite.classes and (together or not declared.joint):
            found.append(name)
    return found


def _distinct(agents: Sequence[AgentInfo]) -> None:
    names = [agent.name for agent in agents]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"several agents are called {twice[0]!r}, but results are told apart by names")


def _place(agent: Any, name: str) -> str:
    """Returns where a function is defined, so that other processes find it; its name alone where they cannot."""
    file = inspect.getsourcefile(agent) if inspect.isfunction(agent) else None
    if file is None or "<" in getattr(agent, "__qualname__", "<") or not Path(file).is_file():
        return name
    return f"{Path(file).resolve()}:{name}"
