"""Who judges completions: callables from prompts and completions to scores of users.

Axes: U users, n completions.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.specs import ScenarioLike, as_scenario
from ualign_env.users import Users

#: A prompt or completion: a text, or the messages of a conversation.
Text = str | list[dict[str, Any]]

#: Scores `[U, n]`, NaN where a user has not judged a completion, and `[U, n]` weights of the users for each completion,
#: which are alike for all completions of a prompt; without them users are alike.
Judgement = tuple[Any, Any]

Judges = Callable[..., Any]
"""Users who score completions: whatever is called as `judges(prompts, completions)` with n texts each.

It returns `[U, n]` scores, a row for each user, higher meaning better and NaN where she has not judged; or a pair of
these and of `[U, n]` weights. The texts of conversations are what their messages say. Who wants the messages themselves
takes the keywords `prompt_messages` and `completion_messages`, which are what the trainer has; columns of the data set
and `completion_ids` are taken by keywords, too.
"""


class KnownResponses:
    """The users of a scenario, who know every response that may be given: for exact experiments."""

    def __init__(
        self,
        scenario: ScenarioLike,
        *,
        prompts: Sequence[Text] | None = None,
        tokens: Sequence[Sequence[Sequence[int]]] | None = None,
        unknown: Literal["worst", "error"] = "worst",
    ) -> None:
        """Makes judges of a scenario.

        Args:
            scenario: a scenario, its spec, or the users of its only prompt; their choice must follow scores.
            prompts: the P prompts as the model gets them (default: their names).
            tokens: for each prompt the N responses as token ids, end token included where the model says it, which
                completions are compared with (default: their texts are compared with the responses' names). Texts are
                decoded without special tokens, so that ids tell more apart.
            unknown: whether a completion that is no response is liked less than every response, by all users, or an
                error.

        Raises:
            ValueError: if prompts or tokens don't fit the scenario, two responses look alike, or the users are of a
                kind whose choice does not follow scores.
        """
        self._scenario = loaded = as_scenario(scenario)
        self._unknown = _checks.one_of("way to treat unknown completions", unknown, ("worst", "error"))
        names = list(loaded.prompts) if prompts is None else _checks.several("prompts", prompts)
        if len(names) != loaded.n_prompts:
            raise ValueError(f"prompts are {len(names)}, but {loaded.name} has {loaded.n_prompts}")
        self._names = names
        self._prompts = {_key(name): x for x, name in enumerate(names)}
        if len(self._prompts) != len(names):
            raise ValueError("prompts must be distinct, but two are alike")
        said = (
            [users.responses for users in loaded.populations] if tokens is None else _checks.several("tokens", tokens)
        )
        if len(said) != loaded.n_prompts:
            raise ValueError(f"tokens are of {len(said)} prompts, but {loaded.name} has {loaded.n_prompts}")
        self._by_ids = tokens is not None
        self._responses: list[dict[Any, int]] = []
        for prompt, users, texts in zip(loaded.prompts, loaded.populations, said, strict=True):
            known = {_key(text): y for y, text in enumerate(texts)}
            if len(known) != users.n_responses:
                raise ValueError(
                    f"tokens of {prompt!r} are {len(texts)}, {len(known)} of them different, but it has "
                    f"{users.n_responses} responses"
                )
            self._responses.append(known)
        self._scores = [_scores_of(users) for users in loaded.populations]

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        *,
        prompt_messages: Sequence[Text] | None = None,
        completion_ids: Any = None,
        **_: Any,
    ) -> Judgement:
        """Returns scores and weights of as many users as the prompt with the most has; the others weigh nothing."""
        prompts = prompts if prompt_messages is None else prompt_messages
        said = completion_ids if self._by_ids else completions
        if said is None:
            raise ValueError("these responses are known by their tokens: pass completion_ids, as TRL's trainers do")
        most = max(users.n_types for users in self._scenario.populations)
        scores, weights = np.zeros((most, len(prompts))), np.zeros((most, len(prompts)))
        for i, (prompt, completion) in enumerate(zip(prompts, said, strict=True)):
            x = self._prompts.get(_key(prompt))
            if x is None:
                raise ValueError(f"unknown prompt {prompt!r:.200}; known: {', '.join(map(str, self._names))!s:.200}")
            users = self._scenario.populations[x]
            y = self._responses[x].get(_key(completion if self._by_ids else text_of(completion)))
            if y is None and self._unknown == "error":
                raise ValueError(f"{completion!r:.200} is none of the responses to {prompt!r:.200}")
            rows = slice(0, users.n_types)
            scores[rows, i] = self._scores[x].min(axis=1) - 1 if y is None else self._scores[x][:, y]
            weights[rows, i] = users.weights
        return scores, weights


class RewardModels:
    """Reward models, each of which is a user: sequence classifiers of `transformers` with a single label."""

    def __init__(
        self,
        models: Sequence[Any],
        tokenizers: Any,
        *,
        batch_size: int = 32,
        max_length: int | None = None,
    ) -> None:
        """Makes judges of reward models.

        Args:
            models: `AutoModelForSequenceClassification` with `num_labels=1`, on the devices where they are to run.
            tokenizers: one for each model, or one for all, with a padding token.
            batch_size: completions judged at a time.
            max_length: tokens of prompt and completion together, of which the first are dropped where there are more.

        Raises:
            ValueError: if a model has several labels, or tokenizers don't fit.
        """
        self.models = _checks.several("models", models)
        given = tokenizers if isinstance(tokenizers, list | tuple) else [tokenizers] * len(self.models)
        if len(given) != len(self.models) or not self.models:
            raise ValueError(
                f"there are {len(self.models)} models and {len(given)} tokenizers, but must be one for each"
            )
        for model, tokenizer in zip(self.models, given, strict=True):
            if model.config.num_labels != 1:
                raise ValueError(
                    f"{type(model).__name__} has {model.config.num_labels} labels, but must have one: a score"
                )
            if tokenizer.pad_token is None:
                raise ValueError(f"{type(tokenizer).__name__} has no padding token: set tokenizer.pad_token")
            if model.config.pad_token_id is None:
                model.config.pad_token_id = tokenizer.pad_token_id
        self.tokenizers = given
        self._batch_size = _checks.count("batch_size", batch_size, 1)
        self._max_length = None if max_length is None else _checks.count("max_length", max_length, 1)

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        *,
        prompt_messages: Sequence[Text] | None = None,
        completion_messages: Sequence[Text] | None = None,
    ) -> Floats:
        """Returns `[U, n]` logits; of conversations, they read the messages as their chat templates write them."""
        prompts = prompts if prompt_messages is None else prompt_messages
        completions = completions if completion_messages is None else completion_messages
        return np.array([self._judged(one, prompts, completions) for one in range(len(self.models))])

    def _judged(self, one: int, prompts: Sequence[Text], completions: Sequence[Text]) -> Floats:
        from ualign_env.envs.torch.policies import evaluated

        model, tokenizer = self.models[one], self.tokenizers[one]
        texts = [_whole(tokenizer, *pair) for pair in zip(prompts, completions, strict=True)]
        found = []
        with evaluated(model), _cutting_the_start(tokenizer):
            for first in range(0, len(texts), self._batch_size):
                tokens = tokenizer(
                    texts[first : first + self._batch_size],
                    return_tensors="pt",
                    padding=True,
                    padding_side="right",
                    truncation=self._max_length is not None,
                    max_length=self._max_length,
                    add_special_tokens=False,
                ).to(model.device)
                found.append(model(**tokens).logits[:, 0].double().cpu().numpy())
        return np.concatenate(found)


@contextmanager
def _cutting_the_start(tokenizer: Any) -> Iterator[None]:
    """Lets a tokenizer drop the first tokens of what is too long: the completion stays. Afterwards it is as before."""
    side = tokenizer.truncation_side
    tokenizer.truncation_side = "left"
    try:
        yield
    finally:
        tokenizer.truncation_side = side


class UserGroups:
    """Several groups of users with names and weights, each with judges of its own.

    Where users are left out who have not judged all of a group of completions, all others make up for them.
    """

    def __init__(self, groups: Mapping[str, Judges | tuple[Judges, float]]) -> None:
        """Joins groups of users.

        Args:
            groups: for each name its judges, or a pair of judges and the group's weight (default: 1).

        Raises:
            ValueError: if there are none, or weights are negative or all zero.
        """
        if not groups:
            raise ValueError("there must be at least one group of users")
        pairs = {name: one if isinstance(one, tuple) else (one, 1.0) for name, one in groups.items()}
        self._judges = [judges for judges, _ in pairs.values()]
        self._weights = _checks.weights([weight for _, weight in pairs.values()], len(pairs), "groups")
        self._names = tuple(pairs)
        self.groups: tuple[str, ...] = ()

    def __call__(self, prompts: Sequence[Text], completions: Sequence[Text], **columns: Any) -> Judgement:
        """Returns the scores of all users and their weights; `groups` says whose each is."""
        scores, weights, names = [], [], []
        for name, share, judges in zip(self._names, self._weights, self._judges, strict=True):
            own, counted = judged(judges, prompts, completions, columns)
            totals = counted.sum(axis=0)
            scores.append(own)
            weights.append(share * counted / np.where(totals > 0, totals, 1))
            names += [name] * len(own)
        self.groups = tuple(names)
        return np.concatenate(scores), np.concatenate(weights)


def judged(
    judges: Judges, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]
) -> tuple[Floats, Floats]:
    """Returns `[U, n]` scores and weights of judges, who get texts, and the columns that they take.

    Raises:
        ValueError: if they return something else, or there is not one prompt for each completion.
    """
    if len(prompts) != len(completions):
        raise ValueError(
            f"there are {len(prompts)} prompts, but {len(completions)} completions: one for each is needed"
        )
    columns = {"prompt_messages": prompts, "completion_messages": completions, **columns}
    prompts, completions = list(map(text_of, prompts)), list(map(text_of, completions))
    taken = {name: value for name, value in columns.items() if name in _taken(judges, columns)}
    answer = judges(prompts, completions, **taken)
    scores, weights = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
    table = _checks.number_array("scores of the judges", scores).astype(np.float64)
    if table.ndim != 2 or table.shape[1] != len(completions) or not table.size:
        raise ValueError(
            f"the judges returned scores of shape {table.shape}, but must return [U, {len(completions)}]: a row for "
            f"each user, a column for each of {len(completions)} completions"
        )
    if weights is None:
        return table, np.ones(table.shape)
    counted = _checks.real_array("weights of the judges", weights, 2)
    if counted.shape != table.shape:
        raise ValueError(f"the judges returned weights of shape {counted.shape} for scores of shape {table.shape}")
    if (counted < 0).any():
        raise ValueError(f"the judges returned the weight {counted.min():g}, but weights must not be negative")
    return table, counted


def _taken(judges: Judges, columns: Mapping[str, Any]) -> set[str]:
    """Returns the columns that judges take as keywords."""
    try:
        parameters = list(inspect.signature(judges).parameters.values())
    except ValueError:  # of functions written in C
        return set()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return set(columns)
    return {one.name for one in parameters[2:] if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)}


def _scores_of(users: Users) -> Floats:
    scores = users.scores()
    if scores is None:
        raise ValueError(
            f"{type(users).__name__} do not choose what scores highest, so that completions cannot be judged by scores"
        )
    return scores


def _key(said: Any) -> Any:
    """Returns what a prompt, a text or a list of tokens is recognised by."""
    if isinstance(said, str):
        return said
    return tuple(map(_key, said.items() if isinstance(said, dict) else said)) if np.iterable(said) else said


def text_of(said: Text) -> str:
    """Returns what was said, in a conversation by its messages, one below the other; only texts of those with parts."""
    if isinstance(said, str):
        return said
    try:
        contents = [message.get("content") or "" for message in said]
        parts = [[{"text": one}] if isinstance(one, str) else one for one in contents]
        return "\n".join("".join(part.get("text") or "" for part in content) for content in parts)
    except (AttributeError, TypeError):
        raise ValueError(
            f"{said!r:.200} is neither a text nor a list of messages, each with its role and content"
        ) from None


def _whole(tokenizer: Any, prompt: Text, completion: Text) -> str:
    """Returns prompt and completion as a reward model reads them."""
    if isinstance(prompt, str) and isinstance(completion, str):
        return prompt + completion
    return tokenizer.apply_chat_template([*prompt, *completion], tokenize=False)
