"""Networks from what is seen of prompts to responses, and the prompts that tell when they have learned enough.

Axes: P prompts, D numbers seen of a prompt, N responses.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, pairwise

import numpy as np
import torch

import ualign_env as ua

_WIDTH, _DEPTH = 512, 3
_DROPPED = 0.3  # share of units that are left out at random while a network learns
_RATE, _DECAY = 1e-3, 0.1
_LESSONS = 0.1  # weight of what else is taught
_LEAST = 1e-3  # deviation of what hardly differs
_MEMORY = 0.99  # of the average of weights, from one update to the next
_BATCH = 100  # prompts
_UPDATES = 25  # a step
_KEPT_BACK = 0.1  # share of prompts that validate
_NEVER = -1e9  # logit of what a prompt hasn't got
_FEWEST = 20  # prompts, below which all are learned from

torch.optim.AdamW([torch.zeros(1)])  # imports much of torch: better now than while the clock runs

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Network(torch.nn.Module):
    """A perceptron from observations `[B, D]` to logits `[B, N]`, and to what else it is taught."""

    def __init__(self, seen: int, responses: int, more: int = 0) -> None:
        super().__init__()
        sizes = [seen, *[_WIDTH] * _DEPTH]
        layers: list[torch.nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [torch.nn.Linear(before, after), torch.nn.GELU(), torch.nn.Dropout(_DROPPED)]
        self.layers = torch.nn.Sequential(*layers)
        self.logits = torch.nn.Linear(sizes[-1], responses)
        self.more = torch.nn.Linear(sizes[-1], more) if more else None

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Returns logits."""
        return self.logits(self.layers(seen))

    def both(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns logits, and what else it says of prompts."""
        found = self.layers(seen)
        logits = self.logits(found)
        return logits, logits[:, :0] if self.more is None else self.more(found)


class Learner:
    """A network that learns a task, the average of its weights, and what it sees.

    All chance comes from the task's seed, and the generator of torch is left as it was.
    """

    def __init__(self, task: ua.Task, lessons: torch.Tensor | None = None) -> None:
        """Begins with random weights; `[P, M]` lessons are what else it is taught to say of prompts."""
        self.seen = torch.as_tensor(task.scenario.observations.copy())
        self.legal = torch.as_tensor(task.scenario.legal.copy())
        self._lessons = torch.zeros((len(self.seen), 0)) if lessons is None else lessons
        self._updates, self._noise = 0, torch.Generator().manual_seed(task.seed % 2**63).get_state()
        with self._own_noise():
            self._network = Network(self.seen.shape[1], self.legal.shape[1], more=self._lessons.shape[1])
        self.average = copy.deepcopy(self._network).eval()
        self._optimizer = torch.optim.AdamW(self._network.parameters(), _RATE, weight_decay=_DECAY)

    @contextmanager
    def _own_noise(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._noise)
            yield
            self._noise = torch.get_rng_state()

    def policies(self, prompts: torch.Tensor) -> torch.Tensor:
        """Returns `[B, N]`: what the average does on `[B]` prompts."""
        with torch.no_grad():
            return self._masked(self.average(self.seen[prompts]), prompts).softmax(dim=1)

    def _masked(self, logits: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
        return logits.masked_fill(~self.legal[prompts], _NEVER)

    def update(self, prompts: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Makes a step down a loss of logits `[B, N]` on `[B]` prompts."""
        with self._own_noise():
            logits, said = self._network.both(self.seen[prompts])
        found = loss(self._masked(logits, prompts))
        if said.shape[1]:
            found = found + _LESSONS * (said - self._lessons[prompts]).square().mean()
        self._optimizer.zero_grad()
        found.backward()
        self._optimizer.step()
        self._updates += 1
        share = max(1 - _MEMORY, 1 / self._updates)
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self._network.parameters(), strict=True):
                mean.lerp_(now, share)


def preferences(task: ua.Task) -> torch.Tensor:
    """Returns `[P, N^2]`: how far pairwise preferences are from their mean over prompts, in units of their deviation.

    Taught to say them beside its policy, a network learns what prompts are about from more than the policy needs.
    """
    n = task.scenario.n_responses
    table = np.full((task.scenario.n_prompts, n, n), 0.5)
    for x, users in enumerate(task.scenario.populations):
        table[x, : users.n_responses, : users.n_responses] = users.pairwise()
    rows = table.reshape(len(table), -1)
    return torch.as_tensor(((rows - rows.mean(axis=0)) / (rows.std(axis=0) + _LEAST)).astype(np.float32))


def learned(task: ua.Task, loss: Loss, rate: Loss, lessons: torch.Tensor | None = None) -> Iterator[Network]:
    """Yields the average of a network's weights, as it was when it did best on prompts that were kept back.

    Args:
        task: what is learned, from exact payoffs.
        loss: of logits `[B, N]` on `[B]` prompts: what is minimised.
        rate: of policies `[B, N]` on `[B]` prompts: how good they are.
        lessons: `[P, M]` what else the network is taught to say of prompts.
    """
    learner, rng, n = Learner(task, lessons), task.rng(), task.scenario.n_prompts
    order = rng.permutation(n)
    cut = round(_KEPT_BACK * n) if n >= _FEWEST else 0
    kept_back, used = order[:cut] if cut else order, order[cut:]
    chances = task.scenario.probabilities[used] / task.scenario.probabilities[used].sum()
    validating, best, most = torch.as_tensor(kept_back), copy.deepcopy(learner.average), -math.inf
    for update in count(1):
        batch = torch.as_tensor(rng.choice(used, size=min(_BATCH, len(used)), replace=False, p=chances))
        learner.update(batch, lambda logits, batch=batch: loss(logits, batch))
        if update % _UPDATES == 0:
            reached = float(rate(learner.policies(validating), validating))
            if reached > most:
                most = reached
                best.load_state_dict(learner.average.state_dict())
            yield best
