"""Packs the results of an agent for a leaderboard, once they have been scored again, and partly made again."""

import io
import os
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ualign_env._files import write_file
from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env.benchmark.agents import describe_agent
from ualign_env.benchmark.budget import Budget
from ualign_env.benchmark.machine import machine
from ualign_env.benchmark.plan import Limits, Run, slug
from ualign_env.benchmark.reporting.statistics import enough_seeds, task_of
from ualign_env.benchmark.reporting.write import summary
from ualign_env.benchmark.results import RunResult, line_of
from ualign_env.benchmark.running.executors import Executor, Processes
from ualign_env.benchmark.store import Store
from ualign_env.benchmark.suite import Suite, list_suites, load_suite
from ualign_env.benchmark.tasks import Task
from ualign_env.scoring.metrics import robust_win_rate
from ualign_env.specs import load_scenario

_RERUNS = 3
_ROUNDING = 1e-9  # in which two scores of the same policy may differ
_WITHIN = 1.0  # decades beyond what seeds have shown, in which another machine's result may lie


@dataclass(frozen=True)
class Rerun:
    """A run that was made again.

    Attributes:
        run: which.
        steps: how many steps led to the policy that is ranked.
        same_bits: whether the policy is the same to the last bit; None where machine or versions differ, so that it
            need not be.
        shortfall: what was reported.
        again: what was found.
        holds: whether that is what was reported, as far as it has to be.
    """

    run: str
    steps: int
    same_bits: bool | None
    shortfall: float
    again: float
    holds: bool


@dataclass(frozen=True)
class Submission(Result):
    """What was packed.

    Attributes:
        path: the file.
        agents: whose results are in it.
        runs: how many.
        reruns: those that were made again.
        complaints: why it would not be accepted; nothing is packed then.
    """

    path: str | None
    agents: tuple[str, ...]
    runs: int
    reruns: tuple[Rerun, ...]
    complaints: tuple[str, ...]

    def summary(self) -> str:
        """Returns what was checked, and how."""
        lines = [f"not accepted: {complaint}" for complaint in self.complaints]
        for one in self.reruns:
            how = {True: "the same bits", False: "other bits", None: "another machine or versions: within seeds"}
            lines.append(f"{one.run}: {how[one.same_bits]}, {one.shortfall:.2e} and {one.again:.2e}")
        if self.path:
            lines.append(f"{counted(self.runs, 'run')} of {', '.join(self.agents)}: {self.path}")
        return "\n".join(lines)


def submit(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    agents: Iterable[str] | None = None,
    *,
    executor: Executor | None = None,
    seed: int | None = None,
    sealed_seeds: str | os.PathLike[str] | None = None,
) -> Submission:
    """Checks results, scores policies again, makes three random runs again, and packs summary and policies.

    Args:
        folder: the results, of a suite that comes with the package.
        out: where the file goes, which ends in `.tar.gz`.
        agents: whose results; None: everybody's.
        executor: makes runs again; processes unless it is given.
        seed: draws which; nobody knows before which they will be, unless it is given.
        sealed_seeds: the file of seeds of a sealed suite.

    Raises:
        ValueError: if there are no results, the suite is sealed and its seeds are not given, or the file cannot be
            written.
    """
    if not os.fspath(out).endswith(".tar.gz"):
        raise ValueError(f"out is {os.fspath(out)!r}, but must end in .tar.gz")
    store = Store(folder)
    found = store.read()
    chosen = set(agents) if agents is not None else {one.agent for one in found.results.values()}
    results = [one for one in found.results.values() if one.agent in chosen]
    if not results:
        raise ValueError(f"{os.fspath(folder)!r} holds no results{f' of {sorted(chosen)}' if agents else ''}")
    names = tuple(sorted({one.agent for one in results}))
    complaints = [f"{name}: {why}" for name, why in found.damaged.items()]
    name = results[0].suite.partition(" ")[0]
    if name not in list_suites():
        complaints.append(f"they are of {results[0].suite}, but leaderboards are of {', '.join(list_suites())}")
        return Submission(None, names, len(results), (), tuple(complaints))
    suite = load_suite(name, sealed_seeds)
    complaints += _complaints(store, results, suite)
    reruns = () if complaints else tuple(_made_again(results, suite, executor or Processes(1), seed))
    complaints += [f"{one.run}: made again, it learned something else" for one in reruns if not one.holds]
    if complaints:
        return Submission(None, names, len(results), reruns, tuple(complaints))
    write_file(out, lambda file: file.write(_packed(results, reruns, store.suite() or "")))
    return Submission(os.fspath(out), names, len(results), reruns, ())


def _complaints(store: Store, results: Sequence[RunResult], suite: Suite) -> list[str]:
    """Returns what is wrong with results by themselves."""
    found = []
    if store.suite() != suite.text or any(one.suite != str(suite) for one in results):
        found.append(f"they are not of {suite} as it is: another version, or with other settings")
    for agent in sorted({one.agent for one in results}):
        own = [one for one in results if one.agent == agent]
        tasks = [(named.name, named.task.k, named.task.l) for named in suite.tasks]
        missing = sorted({*tasks} - {task_of(one) for one in own})
        if missing:
            found.append(f"{agent}: lacks {len(missing)} of {counted(len(tasks), 'task')}, such as {missing[0]}")
        elif not enough_seeds(own, tasks):
            found.append(f"{agent}: depends on seeds, and has had fewer than three on some task")
        seeds = {one.seed for one in own}
        if seeds != set(range(len(seeds))) or len(own) != len(seeds) * len({task_of(one) for one in own}):
            found.append(f"{agent}: has had the seeds {sorted(seeds)}, but they must be 0, 1, ... on every task")
        versions = {(one.place, one.version) for one in own}
        if any(describe_agent(place).declared.version != version for place, version in versions):
            found.append(f"{agent}: is of another version by now: {own[0].version} was run")
        if not all(one.enforced for one in own):
            found.append(f"{agent}: was scored in its own process, where its class is not enforced")
        elif any(not _limited(one, suite.limits) for one in own):
            found.append(f"{agent}: was given more time or memory than the {suite.limits} of the suite")
        wrong = [one for one in own if not _scores_again(one, suite)]
        if wrong:
            found.append(
                f"{agent}: {len(wrong)} of its policies do not score what is reported, such as that of seed "
                f"{wrong[0].seed} on {wrong[0].task}"
            )
    return found


def _limited(result: RunResult, limits: Limits) -> bool:
    """Returns whether a run had no more than the limits."""
    kept = {"wall": limits.wall, "memory": limits.memory}
    return all(result.limits.get(name) is None or result.limits[name] <= most for name, most in kept.items())


def _scores_again(result: RunResult, suite: Suite) -> bool:
    """Returns whether a policy scores what is reported; of mixtures and joint policies averages alone are kept."""
    look = result.ranked
    scenario = {named.name: named.task.scenario for named in suite.tasks}.get(result.task)
    if scenario is None or scenario.digest != result.scenario_digest:
        return False
    if look is None or result.table not in ("SharedPolicy", "Players") or result.l > 1:
        return True
    try:
        found = result.optimum - robust_win_rate(scenario, result.policy, result.k)
    except ValueError:  # what is no policy
        return False
    said = look.shortfall if look.trained is None else look.trained
    return abs(max(0.0, found) - max(0.0, said)) < _ROUNDING


def _made_again(results: Sequence[RunResult], suite: Suite, executor: Executor, seed: int | None) -> Iterable[Rerun]:
    """Makes random runs again, with as many steps as led to what is ranked."""
    ranked = [one for one in results if one.ranked is not None]
    rng = np.random.default_rng(seed)
    for i in rng.permutation(len(ranked))[:_RERUNS]:
        before = ranked[i]
        look = before.ranked
        if look is None:
            continue
        task = Task(load_scenario(before.spec), before.k, before.seed, before.l, before.information)
        budget = Budget("plays", int(before.budget)) if before.unit == "plays" else Budget("steps", look.steps)
        run = Run(describe_agent(before.place), task, budget, suite.limits, before.task, before.suite)
        (again,) = executor.results([run])
        same = again.policy_digest == before.policy_digest if _here(before) else None
        own = [one.shortfall for one in ranked if one.agent == before.agent and task_of(one) == task_of(before)]
        near = abs(again.shortfall - before.shortfall) < _ROUNDING
        holds = _as_near(again.shortfall, own) if same is None else same and near
        yield Rerun(str(run), look.steps, same, before.shortfall, again.shortfall, holds)


def _here(result: RunResult) -> bool:
    """Returns whether a run was made on such a machine and with such versions, of which the number of cores is none."""
    return {**result.machine, "cores": ""} == {**machine(), "cores": ""}


def _as_near(shortfall: float, seeds: Sequence[float]) -> bool:
    """Returns whether a shortfall is within what seeds have shown, and a decade."""
    low, high, found = np.log10(np.maximum([min(seeds), max(seeds), shortfall], 1e-10))
    return bool(low - _WITHIN <= found <= high + _WITHIN)


def _packed(results: Sequence[RunResult], reruns: Sequence[Rerun], suite: str) -> bytes:
    """Returns the file: a summary and policies of each agent, the suite, and what was checked."""
    texts = {"suite.toml": suite, "machine.json": line_of(machine())}
    texts["checked.jsonl"] = "".join(line_of(vars(one)) for one in reruns)
    for agent in sorted({one.agent for one in results}):
        own = sorted((one for one in results if one.agent == agent), key=lambda one: (one.task, one.k, one.l, one.seed))
        about = {"name": agent, "version": own[0].version, "information": own[0].information, "package": own[0].package}
        lines = "".join(f'{key} = "{value}"\n' for key, value in about.items())
        place = slug(agent)
        texts[f"{place}/agent.toml"] = f"{lines}# source, licence and citation are for its authors to add\n"
        texts[f"{place}/summary.jsonl"] = "".join(line_of(summary(one)) for one in own)
        texts[f"{place}/policies.jsonl"] = "".join(
            line_of({"digest": one.digest, "policy_digest": one.policy_digest, "policy": one.policy}) for one in own
        )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return data.getvalue()
