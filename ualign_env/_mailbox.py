"""Questions and answers between two processes, in memory that both see: a play costs microseconds, not a message.

The memory is one array of 64-bit integers: a header, then for up to C games the prompts, the K responses shown of each,
and the answers. Whoever asks fills in a batch and raises the number of the question; whoever answers raises the number
of the answer to it. Both numbers are read and written atomically, so that what was written before is there.
"""

import mmap
import os
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from ualign_env._compile import compiled, inner
from ualign_env._types import Ints

#: Decorates what compiles to instructions of its own; callers leave out the first argument.
_intrinsic: Any = intrinsic

#: Places in the header: the numbers of the last question and answer, apart from each other in the processor's caches;
#: how many games are asked about, and what became of the question.
QUESTION, ANSWER, ASKED, STATUS = 0, 8, 16, 17
HEADER = 64  # words
_CAPACITY = 4096  # games a question
_WORDS = 131_072

#: What became of a question.
ANSWERED, NO_PLAYS_LEFT, NO_SUCH_RESPONSE, NOT_YET = 0, 1, 2, -1


@_intrinsic
def load(context: Any, words: Any, place: Any) -> Any:  # noqa: ARG001
    """Reads a word, and after it whatever was written before the word was."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(builder.gep(array.data, [arguments[1]]), "acquire", 8)

    return types.int64(words, types.int64), code


@_intrinsic
def store(context: Any, words: Any, place: Any, value: Any) -> Any:  # noqa: ARG001
    """Writes a word, after whatever was written before."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(context, builder, arguments[0])
        builder.store_atomic(arguments[2], builder.gep(array.data, [arguments[1]]), "release", 8)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64), code


@_intrinsic
def _give_way(context: Any) -> Any:  # noqa: ARG001
    """Lets another process have the processor, where the system has a function for that."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        if hasattr(os, "sched_yield"):
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), code


@inner
def wait(words, place, number, patience):
    """Waits until a word is no longer a number, for so many tries, and returns the word."""
    for _ in range(patience):
        found = load(words, place)
        if found != number:
            return found
        _give_way()
    return np.int64(number)


@compiled
def ask(words, games, patience):
    """Asks about so many games, which are written there, and returns what became of it; 0 games wait on."""
    number = load(words, QUESTION)
    if games:
        words[ASKED] = games
        number += 1
        store(words, QUESTION, number)
    return words[STATUS] if wait(words, ANSWER, number - 1, patience) == number else np.int64(NOT_YET)


class Mailbox:
    """The memory, and its parts as arrays.

    Attributes:
        slots: K, the number of responses shown in a game.
        capacity: C, the most games in a question.
        words: all of it.
        memory: the same, faster where single words are read and written.
        prompts: `[C]` of the last question.
        shown: `[C, K]` of the last question.
        winners: `[C]` the slots that were picked.
    """

    def __init__(self, path: Path, slots: int) -> None:
        """Opens the memory of a file, which `make_file` made."""
        self.slots, self.capacity = slots, capacity_of(slots)
        with open(path, "r+b") as file:
            self.memory = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
        self.words: Ints = np.frombuffer(self.memory, np.int64)
        self.prompts, shown, self.winners = np.split(
            self.words[HEADER:], np.cumsum([self.capacity, self.capacity * slots])
        )
        self.shown = shown.reshape(self.capacity, slots)

    def write_one(self, prompt: int, responses: "array[int]") -> None:
        """Writes down a single game, with K responses."""
        self.memory[HEADER] = prompt
        self.memory[HEADER + self.capacity : HEADER + self.capacity + self.slots] = memoryview(responses)

    def read_one(self) -> int:
        """Returns the slot that was picked in a single game."""
        return self.memory[HEADER + self.capacity * (1 + self.slots)]

    @staticmethod
    def make_file(path: Path, slots: int) -> None:
        """Makes the file of a mailbox in which nothing has been asked."""
        path.write_bytes(bytes(8 * (HEADER + capacity_of(slots) * (2 + slots))))

    def answer(self, last: int, reply: Callable[[int], int], patience: int) -> int:
        """Waits for the question after number `last`, answers it, and returns the number of the last that was answered.

        Args:
            last: the number of the last question that was answered.
            reply: fills in the winners of so many games, and returns what became of them.
            patience: how often to look.
        """
        number = _next_question(self.words, last, patience)
        if number != last:
            finish(self.words, number, reply(int(self.words[ASKED])))
        return int(number)


def capacity_of(slots: int) -> int:
    """Returns how many games of so many responses fit into a question."""
    return max(1, min(_CAPACITY, _WORDS // slots))


@compiled
def _next_question(words, last, patience):
    return wait(words, QUESTION, last, patience)


@compiled
def finish(words, number, status):
    """Says what became of a question, whose winners are there."""
    words[STATUS] = status
    store(words, ANSWER, number)
