"""Users who can be asked what they pick, and nothing else: every play is counted, and no more than the budget answered.

Axes: B games, P prompts, K responses shown side by side.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ualign_env._mailbox import NO_PLAYS_LEFT, NO_SUCH_RESPONSE, NOT_YET, PLAYED, Mailbox, ask
from ualign_env._types import Ints
from ualign_env.scenario import Scenario
from ualign_env.users import picker
from ualign_env.users.draws import UserDraws

_PATIENCE = 2_000  # looks at the mailbox, about a millisecond, before whoever waits goes to sleep
_NAP = 2e-4  # seconds
_FOREVER = 2**62  # plays


class OutOfPlaysError(RuntimeError):
    """An agent asked for more plays than its budget has left; what it has learned counts."""


#: Returns `[B]` winners of `[B]` prompts with `[B, K]` responses shown, None at what there isn't.
Answers = Callable[[Ints, Ints], Ints | None]


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
        self.budget = _FOREVER if budget is None else budget
        self.plays = 0
        self._lock = threading.Lock()
        self._prompt, self._shown = np.zeros(1, np.int64), np.zeros((1, slots), np.int64)  # of single plays

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
                f"[B, {self.slots}]: what users of this task are shown side by side"
            )
        if prompts is None:
            if self.sizes.size > 1:
                raise ValueError(f"prompts is None, but there are {self.sizes.size}: name one for each game")
            rows = np.zeros(len(responses), np.int64)
        else:
            rows = np.ascontiguousarray(prompts, np.int64)
            if rows.shape != responses.shape[:1] or np.asarray(prompts).dtype.kind not in "iu":
                raise ValueError(f"prompts has shape {rows.shape}, but must be integers of shape {responses.shape[:1]}")
        return self._ask(rows, responses)

    def pick_one(self, responses: Sequence[int], prompt: int = 0) -> int:
        """Shows one user K responses to a prompt, and returns the slot that she picks; see `pick`."""
        if len(responses) != self.slots:
            raise self._unlike(len(responses))
        with self._lock:
            self._prompt[0], self._shown[0] = prompt, responses
            return int(self._answered(self._prompt, self._shown)[0])

    def _ask(self, prompts: Ints, shown: Ints) -> Ints:
        with self._lock:
            return self._answered(prompts, shown) if len(prompts) else np.empty(0, np.int64)

    def _answered(self, prompts: Ints, shown: Ints) -> Ints:
        plays = self.plays + len(prompts)
        if plays > self.budget:
            raise OutOfPlaysError(
                f"{len(prompts):,} plays were asked for, but {self.plays_left:,} of {self.budget:,} are left"
            )
        found = self._answers(prompts, shown)
        if found is None:
            raise self._unknown(prompts, shown)
        self.plays = plays
        return found

    def _unlike(self, number: int) -> ValueError:
        return ValueError(f"{number} responses are shown, but users of this task are shown {self.slots}")

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
        self._draws = UserDraws(scenario.populations, seed)
        self._played = 0

    def __call__(self, prompts: Ints, shown: Ints) -> Ints | None:
        """Returns `[B]` the slots that are picked."""
        found = self._picker.winners(self._draws, self._played, prompts, shown)
        self._played += 0 if found is None else len(found)
        return found


def local_oracle(scenario: Scenario, slots: int, seed: int, budget: int | None = None) -> UserOracle:
    """Returns an oracle of users in this process."""
    return UserOracle(LocalUsers(scenario, seed), sizes_of(scenario), slots, budget)


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
        winners = np.empty(len(prompts), np.int64)
        box = self._box
        for first in range(0, len(prompts), box.capacity):
            last = min(first + box.capacity, len(prompts))
            status = ask(box.words, box.capacity, False, prompts, shown, winners, first, last, _PATIENCE)
            while status == NOT_YET:
                if os.getppid() != self._parent:
                    os._exit(1)  # nobody is left who could answer, or want to know
                time.sleep(_NAP)
                status = ask(box.words, box.capacity, True, prompts, shown, winners, first, last, _PATIENCE)
            if status == NO_PLAYS_LEFT:
                raise OutOfPlaysError("no plays are left")
            if status == NO_SUCH_RESPONSE:
                return None
        return winners


class OracleServer:
    """Answers what another process asks, in a thread of this one."""

    def __init__(self, scenario: Scenario, slots: int, seed: int, plays: int, path: Path) -> None:
        """Starts to answer at most so many plays, by a mailbox in a file that is made."""
        Mailbox.make_file(path, slots)
        self._box = Mailbox(path, slots)
        self._picker, self._draws, self._budget = (
            picker(scenario.populations),
            UserDraws(scenario.populations, seed),
            plays,
        )
        self._over = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    @property
    def plays(self) -> int:
        """How many plays have been answered."""
        return int(self._box.words[PLAYED])

    def _answer(self) -> None:
        last = 0
        try:
            while not self._over.is_set():
                before = last
                last = self._picker.serve(self._box, self._draws, self._budget, last, _PATIENCE)
                if last == before:
                    time.sleep(_NAP)
        except BaseException as error:
            self.error = error

    def close(self) -> None:
        """Ends the answers."""
        self._over.set()
        self._thread.join()
