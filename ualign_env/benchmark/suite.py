"""Suites: tasks, budgets and agents that belong together, under a name and a version; files in `suites/`.

A suite is never changed without another version: reports do not mix them. `folder:PATH` makes one of somebody's own
files. A *sealed* suite names how many scenarios of each family it has, and the fingerprint of a file with their seeds,
which its makers publish afterwards: until then nobody can have trained on it.
"""

import hashlib
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ualign_env import _checks
from ualign_env.benchmark.budget import Budget
from ualign_env.benchmark.information import CLASSES, Unit
from ualign_env.benchmark.plan import Limits, NamedTask
from ualign_env.benchmark.tasks import Task
from ualign_env.readers.choose import files_in
from ualign_env.scenario import Scenario
from ualign_env.specs import list_scenarios, load_scenario, split_path

FOLDER = "folder:"
FOLDER_SIZES = (1, 2, 3, 8)  # numbers of responses shown to users of files
_SEED = "{seed}"
_FIELDS = {
    "name", "version", "title", "seconds", "plays", "steps", "seeds", "wall", "memory", "agents", "classes", "sealed",
    "task", "superseded_by",
}  # fmt: skip
_TASK_FIELDS = {"scenario", "name", "k", "l", "facts", "copies"}


@dataclass(frozen=True)
class Suite:
    """Tasks that agents are compared on.

    Attributes:
        name: its name.
        version: its version; results of different ones are never mixed.
        title: what it is for, in a line.
        tasks: what is learned.
        seconds: budget of agents that are given seconds of CPU.
        plays: budget of agents that are given plays.
        steps: budget of every agent, instead, where it is one.
        seeds: how many seeds agents that depend on them are given.
        limits: what ends a run.
        agents: who competes, unless others are named; None: every agent of its classes.
        classes: classes of information that compete.
        superseded_by: the suite that has taken its place, where one has.
        text: the suite as a file; of tasks made in Python, no more than a comment.
    """

    name: str
    version: int
    title: str
    tasks: tuple[NamedTask, ...]
    seconds: float = 2.0
    plays: int = 1_000_000
    steps: int | None = None
    seeds: int = 3
    limits: Limits = field(default_factory=Limits)
    agents: tuple[str, ...] | None = None
    classes: tuple[str, ...] = tuple(CLASSES)
    superseded_by: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        for unit in ("seconds", "plays"):
            self.budget(unit)  # a number that is none is an error, also where no agent has it
        keys = [(named.name, named.task.k, named.task.l) for named in self.tasks]
        for (name, k, l), number in Counter(keys).items():
            if number > 1:
                raise ValueError(f"{number} tasks are called {name!r}, with k = {k} and l = {l}: name them apart")

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def budget(self, unit: Unit) -> Budget:
        """Returns the budget of agents that are given seconds or plays."""
        if self.steps is not None:
            return Budget("steps", self.steps)
        return Budget("seconds", self.seconds) if unit == "seconds" else Budget("plays", self.plays)

    def with_budgets(self, seconds: float | None = None, plays: int | None = None, steps: int | None = None) -> "Suite":
        """Returns the suite with other budgets, where they are given: results of it are of another suite."""
        given: dict[Unit, Any] = {"seconds": seconds, "plays": plays, "steps": steps}
        amounts = {unit: Budget(unit, value).amount for unit, value in given.items() if value is not None}
        changed: dict[str, Any] = {unit: amount for unit, amount in amounts.items() if amount != getattr(self, unit)}
        if not changed:
            return self
        said = "".join(f"{name} = {value}\n" for name, value in changed.items())
        rest = re.sub(rf"(?m)^({'|'.join(changed)})\s*=.*\n", "", self.text)
        return replace(self, **changed, text=f"# with other budgets than its own\n{said}{rest}")

    @property
    def as_it_is(self) -> bool:
        """Whether it is one that comes with the package, with its own budgets."""
        return is_shipped(self.name, self.text)


def is_shipped(name: str, text: str) -> bool:
    """Returns whether the suite of a name that comes with the package is this text."""
    path = _own() / f"{name}.toml"
    return path.exists() and path.read_text(encoding="utf-8") == text


def list_suites() -> dict[str, str]:
    """Returns the titles of the suites that come with the package, by name."""
    found = {}
    for path in sorted(_own().glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        found[content["name"]] = content["title"]
    return found


def load_suite(name: str, sealed_seeds: str | os.PathLike[str] | None = None) -> Suite:
    """Returns a suite.

    Args:
        name: the name of one that comes with the package, the path of a `.toml` file, or `folder:PATH`, of which every
            file and conversation is a task; options of all its files follow it, as in `folder:votes/user:annotator`.
        sealed_seeds: the file of seeds of a sealed suite.

    Raises:
        ValueError: if there is none, or it is malformed, or its scenarios are not what they were.
    """
    if name.startswith(FOLDER):
        return folder_suite(name)
    path = Path(name) if name.endswith(".toml") else _own() / f"{name}.toml"
    if not name.endswith(".toml") and name not in list_suites():
        hint = f"; scenarios are a list: [{name!r}]" if name.partition("/")[0] in list_scenarios() else ""
        raise ValueError(f"{_checks.unknown('suite', name, [*list_suites(), 'FILE.toml', f'{FOLDER}PATH'])}{hint}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    return parse_suite(text, str(path), sealed_seeds)


def parse_suite(text: str, where: str = "suite", sealed_seeds: str | os.PathLike[str] | None = None) -> Suite:
    """Returns the suite that a text in TOML is; see `load_suite`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where}: is no TOML: {error}") from None
    _known(where, content, _FIELDS)
    for key in ("name", "title", "version", "task"):
        if key not in content:
            raise ValueError(f"{where}: has no {key!r}")
    try:
        return _made(content, text, where, sealed_seeds)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{where}: a field is of another kind than it must be, or is missing: {error!r}") from None


def _made(content: dict[str, Any], text: str, where: str, sealed_seeds: str | os.PathLike[str] | None) -> Suite:
    name, title, version, listed = (content[key] for key in ("name", "title", "version", "task"))
    seeds = _unsealed(where, content, sealed_seeds) if "sealed" in content else None
    tasks: list[NamedTask] = []
    for one in _checks.several("task", listed):
        _known(where, one, _TASK_FIELDS)
        specs = [one["scenario"]] if seeds is None else _drawn(where, one, seeds)
        for spec in specs:
            scenario = load_scenario(spec)
            label = one.get("name", spec) if seeds is None else spec
            if (digest := one.get("facts", {}).get("digest", scenario.digest)) != scenario.digest:
                raise ValueError(f"{where}: {spec} has digest {scenario.digest}, but the suite was made for {digest}")
            tasks += _tasks(label, scenario, one.get("k", [1]), one.get("l", [1]))
    if not tasks:
        raise ValueError(f"{where}: has no tasks")
    given = {key: content[key] for key in ("seconds", "plays", "steps", "seeds") if key in content}
    limits = {key: content[key] for key in ("wall", "memory") if key in content}
    classes = _checks.several("classes", content.get("classes", list(CLASSES)))
    for one in classes:
        _checks.one_of("class", one, CLASSES)
    return Suite(
        _checks.text("name", name),
        _checks.count("version", version, 1),
        _checks.text("title", title),
        tuple(tasks),
        **given,
        limits=Limits(**limits),
        agents=tuple(_checks.several("agents", content["agents"])) if "agents" in content else None,
        classes=tuple(classes),
        superseded_by=_checks.text("superseded_by", content.get("superseded_by", "")),
        text=text,
    )


def custom_suite(specs: Iterable[str], ks: Sequence[int], ls: Sequence[int] = (1,), name: str = "custom") -> Suite:
    """Returns a suite of scenarios that somebody names, with each k and l."""
    scenarios = {spec: load_scenario(spec) for spec in specs}
    tasks = [task for spec, scenario in scenarios.items() for task in _tasks(spec, scenario, ks, ls)]
    rows = "".join(
        f"\n[[task]]\nscenario = {_quoted(spec)}\nk = {list(ks)}\nl = {list(ls)}\n"
        f'facts = {{ digest = "{scenario.digest}" }}\n'
        for spec, scenario in scenarios.items()
    )
    text = f'name = {_quoted(name)}\nversion = 1\ntitle = "scenarios of somebody\'s own"\n{rows}'
    return Suite(name, 1, "scenarios of somebody's own", tuple(tasks), text=text)


def _own() -> Path:
    return Path(__file__).with_name("suites")


def _tasks(name: str, scenario: Scenario, ks: Iterable[int], ls: Iterable[int]) -> list[NamedTask]:
    return [NamedTask(name, Task(scenario, k, l=l)) for k in ks for l in ls]


def folder_suite(name: str, ks: Sequence[int] = FOLDER_SIZES, ls: Sequence[int] = (1,)) -> Suite:
    """Returns a suite of the files in `folder:PATH`, which share the options that follow."""
    given = name.removeprefix(FOLDER)
    path, pairs = split_path(given)
    folder = path or given
    chosen = ["/".join([str(file), *pairs]) for file in files_in(folder)]
    return custom_suite(chosen, ks, ls, name=f"folder-{Path(folder).resolve().name}")


def _unsealed(where: str, content: dict[str, Any], path: str | os.PathLike[str] | None) -> list[int]:
    """Returns the seeds of a sealed suite, from the file whose fingerprint the suite has."""
    if not content["sealed"]:
        raise ValueError(f"{where}: is sealed, and its seeds have not been drawn: that is done at a release")
    if path is None:
        raise ValueError(
            f"{where}: is sealed: its seeds are published by its makers after the release; with their file, pass it by "
            "--sealed-seeds"
        )
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != content["sealed"]:
        raise ValueError(f"{path}: has the fingerprint {found}, but the suite was sealed with {content['sealed']}")
    words = data.decode("ascii", errors="replace").split()
    if not all(re.fullmatch(r"[0-9]{1,18}", word) for word in words):
        raise ValueError(f"{path}: must hold seeds alone, integers with spaces between them")
    return [int(word) for word in words]


def _drawn(where: str, one: dict[str, Any], seeds: list[int]) -> list[str]:
    """Returns the specs of a family in a sealed suite; each takes the next seed."""
    if _SEED not in one["scenario"]:
        raise ValueError(f"{where}: {one['scenario']} has no {_SEED}, which a sealed suite fills in")
    copies = _checks.count("copies", one.get("copies", 1), 1)
    if len(seeds) < copies:
        raise ValueError(f"{where}: needs more seeds than its file has")
    return [one["scenario"].replace(_SEED, str(seeds.pop(0))) for _ in range(copies)]


def _known(where: str, content: dict[str, Any], known: set[str]) -> None:
    for name in content:
        if name not in known:
            raise ValueError(f"{where}: {_checks.unknown('field', name, sorted(known))}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
