"""Scenarios: the prompts of a game, how likely each is, and the users who judge its responses.

Axes: P prompts, N responses (the largest number over the prompts), F features of prompts, G of responses.
"""

import base64
import hashlib
import json
import os
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._files import unzipped, with_arrays, without_arrays, write_file
from ualign_env._limits import MAX_PROMPTS, MAX_TEXT
from ualign_env._text import short
from ualign_env._types import Floats
from ualign_env.users import Users

#: What learners can see of prompts.
OBSERVATIONS = ("number", "features")

#: How the spec of a scenario made in memory begins.
INLINE = "inline/"

_FORMAT = "ualign-scenario-1"

#: What reading content that somebody changed may raise.
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, zlib.error)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Scenario:
    """Prompts with their probabilities, and a population of users for each. Immutable.

    Prompts may differ in their number of responses: arrays over responses are then padded with zeros to the largest,
    and games make only a prompt's own responses legal.

    Attributes:
        populations: one population for each of the P prompts.
        prompts: P names.
        probabilities: `[P]` chance of each prompt, positive; sums to 1.
        features: `[P, F]` what learners see of a prompt beside its number; F is 0 where there is nothing.
        observe: what learners see: `"number"`, the prompt's number and then its features, or `"features"` alone.
        response_features: `[P, N, G]` what can be seen of each response, for policies that score responses instead of
            numbering them; G is 0 where there is nothing.
        held_out: other prompts, seen alike, on which is scored what was learned here; None where there are none. They
            are part of no game.
        groups: for each prompt, the users of each named group of its population; empty where none are known.
        notes: what was left out or changed when it was read from data, in words, with counts.
        name: what reports call it: the spec of a built-in scenario, a file, a registered name, or a digest.
    """

    populations: tuple[Users, ...]
    prompts: tuple[str, ...]
    probabilities: Floats
    features: Floats
    observe: str
    response_features: Floats
    held_out: "Scenario | None"
    groups: tuple[Mapping[str, Users], ...]
    notes: tuple[str, ...]
    _name: str | None
    _spec: str | None

    def __init__(
        self,
        populations: Iterable[Users],
        prompts: Iterable[str] | None = None,
        probabilities: npt.ArrayLike | None = None,
        *,
        features: npt.ArrayLike | None = None,
        observe: str = "number",
        response_features: Iterable[npt.ArrayLike] | None = None,
        held_out: "Scenario | None" = None,
        groups: Iterable[Mapping[str, Users]] | None = None,
        name: str | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        """Makes a scenario in memory; `load_scenario` makes the built-in ones.

        Args:
            populations: P populations.
            prompts: P distinct names (default: `"prompt 0"`, `"prompt 1"`, ...).
            probabilities: `[P]` positive chances that sum to 1 (default: equal).
            features: `[P, F]` finite numbers that learners see beside the prompt's number, such as an embedding.
            observe: `"number"`, or `"features"` for these alone: whoever sees a number can only learn by heart, and a
                prompt that was not there has none.
            response_features: for each prompt `[its responses, G]` finite numbers, such as embeddings of texts:
                policies that take a second argument are given them.
            held_out: other prompts with as many features, seen alike, on which is scored what was learned here.
            groups: P mappings from the names of groups of users to these users, for whom scores are told apart. Groups
                may overlap and leave users out; they change no game.
            name: what reports call it (default: a digest of its content).
            notes: what was left out or changed in its making; no part of what makes scenarios equal.

        Raises:
            ValueError: if there is no population, or names, probabilities or features don't fit.
            TooLargeError: if there are more than 10,000 prompts.
        """
        if isinstance(populations, Users):
            raise ValueError("populations must be several; for one prompt pass [population]")
        populations = tuple(_checks.several("populations", populations))
        n = len(populations)
        if n == 0:
            raise ValueError("a scenario needs at least one population")
        if n > MAX_PROMPTS:
            raise TooLargeError(f"a scenario of {n:,} prompts was asked for, but at most {MAX_PROMPTS:,} are possible")
        if name is not None and not (isinstance(name, str) and name):
            raise ValueError(f"name is {name!r:.200}, but must be a string that is not empty")
        for i, population in enumerate(populations):
            if not isinstance(population, Users):
                raise ValueError(f"populations[{i}] is {population!r:.200}, but must be a Population or other Users")
        given = np.full(n, 1 / n) if probabilities is None else _checks.real_array("probabilities", probabilities, 1)
        normalised = _checks.distributions("probabilities", given, (n,), f"the scenario has {n} populations")
        if not normalised.all():
            raise ValueError(f"probabilities[{int(np.argmin(normalised))}] is 0, but a prompt must be possible")
        # what sums to 1 up to rounding stays as it is, so that a scenario equals its copy to the last bit
        kept = np.array(given if np.allclose(given, normalised, rtol=1e-12, atol=0) else normalised)
        kept.flags.writeable = False
        seen = np.zeros((n, 0)) if features is None else _checks.real_array("features", features, 2)
        if len(seen) != n:
            raise ValueError(f"features has {len(seen)} rows, but the scenario has {n} prompts")
        if not (np.abs(seen) < np.finfo(np.float32).max).all():
            raise ValueError(f"features reach {np.abs(seen).max():g}, but are observed as float32 numbers")
        seen.flags.writeable = False
        if _checks.one_of("observe", observe, OBSERVATIONS) == "features" and not seen.shape[1]:
            raise ValueError("observe is 'features', but the prompts have none")
        object.__setattr__(self, "populations", populations)
        object.__setattr__(self, "prompts", _checks.names("prompts", prompts, n, (f"prompt {i}" for i in range(n))))
        object.__setattr__(self, "probabilities", kept)
        object.__setattr__(self, "features", seen)
        object.__setattr__(self, "observe", observe)
        object.__setattr__(self, "response_features", _of_responses(response_features, populations))
        object.__setattr__(self, "held_out", held_out)
        object.__setattr__(self, "groups", _groups(groups, populations))
        object.__setattr__(self, "notes", tuple(map(str, _checks.several("notes", notes))))
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_spec", None)
        if held_out is not None:
            _check_held_out(held_out, self)

    @property
    def n_prompts(self) -> int:
        """P, the number of prompts."""
        return len(self.populations)

    @property
    def n_response_features(self) -> int:
        """G, the number of features of a response."""
        return self.response_features.shape[2]

    @property
    def n_features(self) -> int:
        """F, the number of features of a prompt."""
        return self.features.shape[1]

    @cached_property
    def n_responses(self) -> int:
        """N, the largest number of responses of a prompt."""
        return max(population.n_responses for population in self.populations)

    @cached_property
    def observations(self) -> npt.NDArray[np.float32]:
        """`[P, max(P, 2) + F]` what a learner sees of each prompt: its number, one-hot, then its features.

        Or `[P, max(F, 2)]` features alone. At least two wide, since PettingZoo's checks take an observation of one
        number for a mistake.
        """
        if self.observe == "features":
            alone = np.zeros((self.n_prompts, max(self.features.shape[1], 2)), np.float32)
            alone[:, : self.features.shape[1]] = self.features
            alone.flags.writeable = False
            return alone
        table = np.zeros((self.n_prompts, max(self.n_prompts, 2) + self.features.shape[1]), np.float32)
        np.fill_diagonal(table, 1)
        table[:, max(self.n_prompts, 2) :] = self.features
        table.flags.writeable = False
        return table

    @cached_property
    def legal(self) -> npt.NDArray[np.bool_]:
        """`[P, N]` which responses each prompt has."""
        sizes = np.array([population.n_responses for population in self.populations])
        table = np.arange(self.n_responses) < sizes[:, None]
        table.flags.writeable = False
        return table

    @cached_property
    def spec(self) -> str:
        """A string from which `load_scenario` rebuilds an equal scenario, in any process.

        For a scenario made in memory it holds the whole content, compressed.
        """
        return self._spec or INLINE + _pack(self)

    @property
    def rebuilt_by_name(self) -> bool:
        """Whether its spec is no more than a name and options."""
        return self._spec is not None

    @cached_property
    def name(self) -> str:
        """What reports call it."""
        if self._name or self._spec:
            return str(self._name or self._spec)
        return f"in-memory-{self.digest[:8]}"

    @cached_property
    def digest(self) -> str:
        """A fingerprint: equal exactly for equal scenarios, whatever their names."""
        found = hashlib.sha256(json.dumps([*self.prompts, *(users.digest for users in self.populations)]).encode())
        if any(self.groups):
            digests = [[(group, users.digest) for group, users in known.items()] for known in self.groups]
            found.update(json.dumps(digests).encode())
        for table in (self.probabilities, self.features):
            found.update(f"{table.shape}".encode() + np.ascontiguousarray(table, "<f8").tobytes())
        if self.observe != "number" or self.held_out:
            found.update(json.dumps([self.observe, self.held_out and self.held_out.digest]).encode())
        if self.response_features.size:
            table = self.response_features
            found.update(f"responses {table.shape}".encode() + np.ascontiguousarray(table, "<f8").tobytes())
        return found.hexdigest()

    def part(self, prompts: npt.ArrayLike) -> "Scenario":
        """Returns some of the prompts, with their chances relative to each other, and no held-out ones.

        Args:
            prompts: distinct indices of prompts, at least one, in the order they are to have.

        Raises:
            ValueError: if they are no such indices.
        """
        index = _checks.number_array("prompts", prompts)
        if index.ndim != 1 or index.dtype.kind not in "iu" or not 0 < index.size == np.unique(index).size:
            raise ValueError(f"prompts must be distinct indices, at least one, not {prompts!r:.200}")
        if index.min() < 0 or index.max() >= self.n_prompts:
            raise ValueError(f"prompts are {index.tolist()!s:.200}, but the scenario has {self.n_prompts}")
        chances, rows = self.probabilities[index], self.rows_of_responses()
        return Scenario(
            [self.populations[x] for x in index],
            [self.prompts[x] for x in index],
            chances / chances.sum(),
            features=self.features[index],
            observe=self.observe,
            response_features=None if rows is None else [rows[x] for x in index],
            groups=[self.groups[x] for x in index],
            notes=self.notes,
        )

    def alone(self, prompt: int) -> "Scenario":
        """Returns one of the prompts, under the scenario's name, with a note that there are others.

        Args:
            prompt: its index.

        Raises:
            ValueError: if there is no such prompt.
        """
        index = _checks.count("prompt", prompt, 0, self.n_prompts - 1)
        if self.n_prompts == 1:
            return self
        note = f"{short(self.prompts[index])!r} alone, one of {self.n_prompts} prompts, whose notes these are"
        return _rebuild(self.part([index])._kept() | {"notes": (*self.notes, note)}, self.name, None)

    def split(self, train: float, seed: int = 0) -> "Scenario":
        """Returns some of the prompts, drawn at random, with all others as their held-out part.

        What is learned on the scenario returned is to be scored on its `held_out`, too. Numbers say nothing of a prompt
        that was not there: what is observed of prompts are their features alone, unless they have none.

        Args:
            train: how many prompts to learn on, or what share of them.
            seed: of the draw.

        Raises:
            ValueError: if either part would be empty.
        """
        n = self.n_prompts
        whole = isinstance(train, int | np.integer) and not isinstance(train, bool)
        size = int(train) if whole else round(_checks.real("train", train, 0, 1) * n)
        if not 0 < size < n:
            raise ValueError(f"train is {train!r}, which leaves {size} of {n} prompts to learn on and {n - size} out")
        order = np.random.default_rng(_checks.count("seed", seed, 0)).permutation(n)
        observe = "features" if self.features.shape[1] else self.observe
        rest = _rebuild(self.part(np.sort(order[size:]))._kept() | {"observe": observe}, f"{self.name}, held out", None)
        kept = self.part(np.sort(order[:size]))._kept() | {"observe": observe, "held_out": rest}
        return _rebuild(kept, f"{self.name}, to learn on", None)

    def rows_of_responses(self) -> list[Floats] | None:
        """Returns for each prompt `[its responses, G]` features of its own responses, None where they have none."""
        if not self.n_response_features:
            return None
        sizes = (users.n_responses for users in self.populations)
        return [table[:size] for table, size in zip(self.response_features, sizes, strict=True)]

    def learned_on(self) -> "Scenario":
        """Returns the scenario without its held-out part."""
        return _rebuild(self._kept() | {"held_out": None}, self._name, None) if self.held_out else self

    def renamed(self, name: str) -> "Scenario":
        """Returns the same scenario under another name."""
        return _rebuild(self._kept(), name, self._spec)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the scenario to a file from which `load_scenario` makes an equal one, on every machine.

        Args:
            path: where to; it must end in `.npz`.

        Raises:
            ValueError: if the file cannot be written.
        """
        if not os.fspath(path).endswith(".npz"):
            raise ValueError(f"{os.fspath(path)!r} must end in .npz")
        blobs: dict[str, list[npt.NDArray[Any]]] = defaultdict(list)
        content = {"format": _FORMAT, "digest": self.digest, "name": self._name, "notes": self.notes, **_content(self)}
        header = json.dumps(without_arrays(content, blobs, Counter())).encode()
        arrays: dict[str, Any] = {dtype: np.concatenate(parts) for dtype, parts in blobs.items()}
        arrays["header"] = np.frombuffer(header, np.uint8)
        write_file(path, lambda file: np.savez_compressed(file, **arrays))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Reads what `save` wrote.

        Args:
            path: the file.

        Raises:
            ValueError: if there is no such file, or it is damaged or of another kind.
            TooLargeError: if it would unpack to more than 500 MB.
        """
        file = os.fspath(path)
        try:
            arrays = unzipped(file)
            header = arrays.pop("header", None)
            if header is None:
                raise ValueError("it has no header of a scenario")
            content = json.loads(header.tobytes())
            if content.get("format") != _FORMAT:
                raise ValueError(f"its format is {content.get('format')!r:.100}, but this version reads {_FORMAT!r}")
            found = cls._from_content(with_arrays(content, arrays))
            if found.digest != content["digest"]:
                raise ValueError("its content is not what was saved")
        except TooLargeError as error:
            raise TooLargeError(f"{file}: {error}") from None
        except FileNotFoundError:
            raise ValueError(f"{file}: no such file") from None
        except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, *_DAMAGED) as error:
            raise ValueError(f"{file}: is no scenario file, or damaged: {error}") from None
        return found

    @classmethod
    def joined(cls, scenarios: Iterable["Scenario"]) -> Self:
        """Returns one scenario with the prompts of several, each of these as likely as the others.

        Prompts whose names clash are told apart by the names of their scenarios.

        Args:
            scenarios: at least one; all are observed alike, with as many features, and all or none have a held-out
                part.

        Raises:
            ValueError: if there is none, or they differ in their number of features.
        """
        parts = _checks.several("scenarios", scenarios)
        for i, part in enumerate(parts):
            if not isinstance(part, Scenario):
                raise ValueError(f"scenarios[{i}] is {part!r:.200}, but must be a Scenario")
        widths = {part.features.shape[1] for part in parts}
        if len(widths) != 1:
            raise ValueError(f"scenarios must be at least one, with as many features each, not {sorted(widths)}")
        rest = [part.held_out for part in parts if part.held_out]
        if len({part.observe for part in parts}) > 1 or len(rest) not in (0, len(parts)):
            raise ValueError("scenarios must be observed alike, and all have a held-out part or none, to be joined")
        if len({part.n_response_features for part in parts}) > 1:
            raise ValueError("scenarios must all have as many features of responses, to be joined")
        rows = [part.rows_of_responses() for part in parts]
        names = [(part.name, prompt) for part in parts for prompt in part.prompts]
        plain = Counter(prompt for _, prompt in names)
        prompts = [prompt if plain[prompt] == 1 else f"{name}: {prompt}" for name, prompt in names]
        if len(set(prompts)) < len(prompts):
            prompts = [f"{prompt} ({i})" for i, prompt in enumerate(prompts)]
        return cls(
            [users for part in parts for users in part.populations],
            prompts,
            np.concatenate([part.probabilities for part in parts]) / len(parts),
            features=np.vstack([part.features for part in parts]),
            observe=parts[0].observe,
            response_features=None if None in rows else [row for own in rows for row in own or ()],
            held_out=cls.joined(rest) if rest else None,
            groups=[known for part in parts for known in part.groups],
            notes=[f"{part.name}: {note}" for part in parts for note in part.notes],
        )

    @classmethod
    def from_inline(cls, packed: str) -> Self:
        """Rebuilds a scenario from what follows `inline/` in its spec.

        Raises:
            ValueError: if it is damaged.
            TooLargeError: if there is too much of it.
        """
        try:
            unpacked = zlib.decompressobj()
            text = unpacked.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MAX_TEXT)
            if unpacked.unconsumed_tail:
                raise TooLargeError(f"it has more than {MAX_TEXT:,} bytes of content")
            if not unpacked.eof:
                raise ValueError("it ends too early")
            return cls._from_content(json.loads(text))
        except TooLargeError as error:
            raise TooLargeError(f"inline scenario {packed[:40]!r}... is too large: {error}") from None
        except _DAMAGED as error:
            raise ValueError(f"inline scenario {packed[:40]!r}... is damaged: {error}") from None

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        return cls(
            [Users.unpack(users) for users in content["populations"]],
            content["prompts"],
            content["probabilities"],
            features=content.get("features"),
            observe=content.get("observe", "number"),
            response_features=content.get("response_features"),
            held_out=cls._from_content(content["held_out"]) if content.get("held_out") else None,
            groups=[{group: Users.unpack(users) for group, users in known} for known in content.get("groups", ())]
            or None,
            name=content.get("name"),
            notes=content.get("notes", ()),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scenario):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # immutable

    def __reduce__(self) -> tuple[Any, ...]:
        # arrays come back from a pickle writeable: building anew locks them again
        return _rebuild, (self._kept(), self._name, self._spec)

    def _kept(self) -> dict[str, Any]:
        """Returns the arguments that make the scenario anew, but for its name."""
        names = ("populations", "prompts", "probabilities", "features", "observe", "held_out", "notes")
        kept = {name: getattr(self, name) for name in names} | {"groups": tuple(map(dict, self.groups))}
        return kept | {"response_features": self.rows_of_responses()}

    def __repr__(self) -> str:
        return f"Scenario({self.name!r}, n_prompts={self.n_prompts}, n_responses={self.n_responses})"


def _rebuild(kept: dict[str, Any], name: str | None, spec: str | None) -> Scenario:
    found = Scenario(**kept, name=name)
    return found if spec is None else specified(found, spec)


def _groups(groups: Any, populations: tuple[Users, ...]) -> tuple[Mapping[str, Users], ...]:
    """Returns the groups of each prompt, whose users must choose among its responses."""
    given = [{} for _ in populations] if groups is None else _checks.several("groups", groups)
    if len(given) != len(populations):
        raise ValueError(f"groups has {len(given)} entries, but the scenario has {len(populations)} populations")
    for x, (known, population) in enumerate(zip(given, populations, strict=True)):
        if not isinstance(known, Mapping):
            raise ValueError(f"groups[{x}] is {known!r:.200}, but must map names to users")
        for group, users in known.items():
            if not isinstance(group, str) or not group or not isinstance(users, Users):
                raise ValueError(f"groups[{x}] holds {group!r:.100}: {users!r:.100}, but must map names to users")
            if users.responses != population.responses:
                raise ValueError(f"groups[{x}][{group!r:.100}] has other responses than the population of the prompt")
    return tuple(MappingProxyType(dict(sorted(known.items()))) for known in given)


def _of_responses(given: Any, populations: tuple[Users, ...]) -> Floats:
    """Returns `[P, N, G]` features of responses, padded with zeros."""
    n = max(users.n_responses for users in populations)
    if given is None:
        found = np.zeros((len(populations), n, 0))
    else:
        rows = _checks.several("response_features", given)
        if len(rows) != len(populations):
            raise ValueError(
                f"response_features has {len(rows)} tables, but the scenario has {len(populations)} prompts"
            )
        tables = [_checks.real_array(f"response_features[{x}]", row, 2) for x, row in enumerate(rows)]
        width = tables[0].shape[1]
        found = np.zeros((len(populations), n, width))
        for x, (table, users) in enumerate(zip(tables, populations, strict=True)):
            if table.shape != (users.n_responses, width) or not width:
                expected = f"[{users.n_responses}, {width or 'at least 1'}]"
                raise ValueError(f"response_features[{x}] has shape {table.shape}, but must have {expected}")
            found[x, : users.n_responses] = table
    found.flags.writeable = False
    return found


def _check_held_out(held_out: Any, learned_on: Scenario) -> None:
    """Raises an error unless what is learned on a scenario can be asked about the prompts held out."""
    if not isinstance(held_out, Scenario):
        raise ValueError(f"held_out is {held_out!r:.200}, but must be a Scenario")
    if held_out.held_out:
        raise ValueError("held_out has a held-out part itself, but must have none")
    # whoever scores responses by their features may meet another number of them
    same = ("observe", "n_features", "n_response_features", "n_responses")
    for what in same[:3] if learned_on.n_response_features else same:
        own, other = getattr(learned_on, what), getattr(held_out, what)
        if own != other:
            raise ValueError(f"held_out has {what} {other!r}, but the prompts to learn on have {own!r}")


def specified(scenario: Scenario, spec: str) -> Scenario:
    """Gives a scenario that was just made the spec that rebuilds it, which is also its name unless it has one."""
    object.__setattr__(scenario, "_spec", spec)
    return scenario


def _content(scenario: Scenario) -> dict[str, Any]:
    """Returns everything that makes a scenario equal to another, arrays as they are."""
    content: dict[str, Any] = {
        "prompts": scenario.prompts,
        "probabilities": scenario.probabilities,
        "populations": [users.pack() for users in scenario.populations],
    }
    if scenario.features.size:
        content["features"] = scenario.features
    if scenario.observe != "number":
        content["observe"] = scenario.observe
    if scenario.n_response_features:
        content["response_features"] = scenario.rows_of_responses()
    if scenario.held_out:
        content["held_out"] = _content(scenario.held_out)
    if any(scenario.groups):
        content["groups"] = [[[group, users.pack()] for group, users in known.items()] for known in scenario.groups]
    return content


def _pack(scenario: Scenario) -> str:
    """Returns the content in letters, digits, `-` and `_`: what every parser of game strings leaves alone."""
    text = json.dumps(_content(scenario), separators=(",", ":"), default=np.ndarray.tolist).encode()
    if len(text) > MAX_TEXT:
        raise TooLargeError(
            f"{scenario.name!r} has {len(text):,} bytes of content, but a spec holds at most {MAX_TEXT:,}: pass the "
            "scenario itself where that is possible"
        )
    return base64.urlsafe_b64encode(zlib.compress(text, level=9)).decode().rstrip("=")
