"""Users who can be asked what they pick, and nothing else: every play is counted, and no more than the budget answered.

Axes: B games, P prompts, K responses shown side by side.
"""

import hashlib
import os
import threading
import time
from array import array
from collections.abc import Sequence
from operator import index
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ualign_env._mailbox import NO_PLAYS_LEFT, NO_SUCH_RESPONSE, NOT_YET, Mailbox, ask
from ualign_env._types import Ints
from ualign_env.scenario import Scenario
from ualign_env.users import picker
from ualign_env.users.draws import UserDraws

_PATIENCE = 2_000  # looks at the mailbox, about a millisecond, before whoever waits for an answer goes to sleep
_EXPECTATION = 400  # looks for the next question; who thinks for longer than they take shall have the processor
_NAP = 1e-4  # seconds
_LONGER = 1.1  # than the nap before, so that whoever asks at last waits for a tenth of what the question took
_LONGEST_NAP = 0.01
FOREVER = 2**62  # plays


class OutOfPlaysError(RuntimeError):
    """An agent asked for more plays than its budget has left; what it has learned counts."""


class Answers(Protocol):
    """Lets users pick."""

    def __call__(self, prompts: Ints, shown: Ints) -> Ints | None:
        """Returns the `[B]` slots picked among `[B, K]` responses to `[B]` prompts; None at what there isn't."""
        ...

    def one(self, prompt: int, shown: "array[int]") -> int | None:
        """Returns the slot picked among K responses to a prompt."""
        ...


class UserOracle:
    """Users who are shown K responses to a prompt, and pick one.

    The user of each play is drawn anew. Ties are broken at random.

    Attributes:
        slots: K, the number of responses shown side by side.
        sizes: `[P]` how many responses each prompt has.
        plays: how many plays have been answered.
        budget: how many will be.
    """

    def __init__(self, answers: Answers, sizes: Sequence[int], slots: int, budget: int | None) -> None:
        """Makes an oracle of what answers; a budget of None is none."""
        self._answers = answers
        self.sizes = np.array(sizes, np.int64)
        self.slots = slots
        self.budget = FOREVER if budget is None else budget
        self.plays = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"UserOracle({self.slots} responses side by side, {self.plays:,} plays answered)"

    @property
    def plays_left(self) -> int:
        """How many more plays are answered."""
        return self.budget - self.plays

    def pick(self, shown: npt.ArrayLike, prompts: npt.ArrayLike | None = None) -> Ints:
        """Shows a user each of B games, and returns what they pick.

        Args:
            shown: `[B, K]` responses, side by side.
            prompts: `[B]` to which prompts; needed where there are several.

        Returns:
            `[B]` the slots picked, from 0 to K - 1.

        Raises:
            OutOfPlaysError: if the budget has fewer than B plays left; none of them is then played.
            ValueError: if the shapes are others, or a prompt or response does not exist.
        """
        responses = np.ascontiguousarray(shown, np.int64)
        if responses.ndim != 2 or responses.shape[1] != self.slots or np.asarray(shown).dtype.kind not in "iu":
            raise ValueError(
                f"shown is {np.asarray(shown).dtype} of shape {responses.shape}, but must be integers of shape "
                f"[B, {self.slots}]: task.slots responses side by side, as many as players of an environment"
            )
        if prompts is None:
            if self.sizes.size > 1:
                raise ValueError(f"prompts is None, but there are {self.sizes.size}: name one for each game")
            rows = np.zeros(len(responses), np.int64)
        else:
            rows = np.ascontiguousarray(prompts, np.int64)
            if rows.shape != responses.shape[:1] or np.asarray(prompts).dtype.kind not in "iu":
                raise ValueError(f"prompts has shape {rows.shape}, but must be integers of shape {responses.shape[:1]}")
        with self._lock:
            plays = self._plays_after(len(rows))
            found = self._answers(rows, responses)
            if found is None:
                raise self._unknown(rows, responses)
            self.plays = plays
            return found

    def pick_one(self, responses: Sequence[int], prompt: int = 0) -> int:
        """Shows one user K responses to a prompt, and returns the slot that she picks; see `pick`."""
        try:
            prompt, shown = index(prompt), array("q", responses)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"prompt {prompt!r} and responses {responses!r} must be integers") from error
        if len(shown) != self.slots:
            raise ValueError(
                f"{len(shown)} responses are shown, but users of this task are shown {self.slots} side by side"
            )
        with self._lock:
            plays = self._plays_after(1)
            found = self._answers.one(prompt, shown)
            if found is None:
                raise self._unknown(np.array([prompt]), np.array([shown]))
            self.plays = plays
            return found

    def _plays_after(self, more: int) -> int:
        plays = self.plays + more
        if plays > self.budget:
            raise OutOfPlaysError(f"{more:,} plays were asked for, but {self.plays_left:,} of {self.budget:,} are left")
        return plays

    def _unknown(self, prompts: Ints, shown: Ints) -> ValueError:
        """Returns the error for the first game that cannot be shown."""
        wrong = (prompts < 0) | (prompts >= self.sizes.size)
        if wrong.any():
            b = int(np.argmax(wrong))
            return ValueError(f"game {b}: prompt {prompts[b]}, but there are {self.sizes.size}, from 0")
        n = self.sizes[prompts]
        b, slot = (int(i) for i in np.argwhere((shown < 0) | (shown >= n[:, None]))[0])
        return ValueError(f"game {b}: response {shown[b, slot]}, but prompt {prompts[b]} has {n[b]}, from 0")


class LocalUsers:
    """Answers in this process."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._picker = picker(scenario.populations)
        self._draws = draws_of(scenario, seed)
        self._played = 0

    def one(self, prompt: int, shown: "array[int]") -> int | None:
        """Returns the slot that is picked."""
        found = self(np.array([prompt]), np.array([shown]))
        return None if found is None else int(found[0])

    def __call__(self, prompts: Ints, shown: Ints) -> Ints | None:
        """Returns `[B]` the slots that are picked."""
        found = self._picker.winners(self._draws, self._played, prompts, shown)
        self._played += 0 if found is None else len(found)
        return found


def local_oracle(scenario: Scenario, slots: int, seed: int, budget: int | None = None) -> UserOracle:
    """Returns an oracle of users in this process."""
    return UserOracle(LocalUsers(scenario, seed), sizes_of(scenario), slots, budget)


def draws_of(scenario: Scenario, seed: int) -> UserDraws:
    """Returns who comes in which play; agents know the seed, and must not know that."""
    secret = hashlib.sha256(f"{scenario.digest} {seed}".encode()).hexdigest()
    return UserDraws(scenario.populations, int(secret, 16))


def sizes_of(scenario: Scenario) -> list[int]:
    """Returns how many responses each prompt has."""
    return [users.n_responses for users in scenario.populations]


class RemoteUsers:
    """Passes questions on to the process that knows the users, by a mailbox."""

    def __init__(self, path: Path, slots: int) -> None:
        self._box = Mailbox(path, slots)
        self._parent = os.getppid()

    def __call__(self, prompts: Ints, shown: Ints) -> Ints | None:
        """Returns `[B]` the slots that are picked."""
        box, winners = self._box, np.empty(len(prompts), np.int64)
        for first in range(0, len(prompts), box.capacity):
            last = min(first + box.capacity, len(prompts))
            games = last - first
            box.prompts[:games], box.shown[:games] = prompts[first:last], shown[first:last]
            if not self._answered(games):
                return None
            winners[first:last] = box.winners[:games]
        return winners

    def one(self, prompt: int, shown: "array[int]") -> int | None:
        """Returns the slot that is picked."""
        self._box.write_one(prompt, shown)
        return self._box.read_one() if self._answered(1) else None

    def _answered(self, games: int) -> bool:
        """Asks about so many games, which are written down, and returns whether there are such."""
        box = self._box
        status = ask(box.words, games, _PATIENCE)
        while status == NOT_YET:
            if os.getppid() != self._parent:
                os._exit(1)  # nobody is left who could answer, or want to know
            time.sleep(_NAP)
            status = ask(box.words, 0, _PATIENCE)
        if status == NO_PLAYS_LEFT:
            raise OutOfPlaysError("no plays are left")
        return status != NO_SUCH_RESPONSE


class OracleServer:
    """Answers what another process asks, in a thread of this one."""

    def __init__(self, scenario: Scenario, slots: int, seed: int, plays: int, path: Path) -> None:
        """Starts to answer at most so many plays, by a mailbox in a file that is made."""
        Mailbox.make_file(path, slots)
        self._box = Mailbox(path, slots)
        self._picker, self._draws = picker(scenario.populations), draws_of(scenario, seed)
        self._budget, self._done = plays, np.zeros(2, np.int64)
        self._over = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    @property
    def plays(self) -> int:
        """How many plays have been answered."""
        return int(self._done[1])

    def _answer(self) -> None:
        try:
            patience, nap = _EXPECTATION, _NAP
            while not self._over.is_set():
                before = self._done[0]
                self._picker.serve(self._box, self._draws, self._budget, self._done, patience)
                if self._done[0] != before:
                    patience, nap = _EXPECTATION, _NAP
                    continue
                time.sleep(nap)
                patience, nap = 1, min(_LONGER * nap, _LONGEST_NAP)
        except BaseException as error:
            self.error = error

    def close(self) -> None:
        """Ends the answers."""
        self._over.set()
        self._thread.join()
