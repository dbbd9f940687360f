"""A language of which every sentence is known: tiny language models whose policy can be read exactly.

A prompt is a token, and a response one or more tokens: its number, written with as many letters as are needed. What a
model says to a prompt is therefore a distribution over the responses of a scenario, and scored as every policy is.
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

import ualign_env as ua

_NEVER = -1e4  # a logit
_PAD, _END = "[pad]", "[end]"


class Language:
    """Prompts and responses of a scenario as tokens.

    Attributes:
        scenario: the scenario.
        prompts: P texts.
        responses: N lists of the tokens of a response.
        tokenizer: from texts to tokens.
    """

    def __init__(self, scenario: ua.Scenario, length: int = 1) -> None:
        """Makes a language.

        Args:
            scenario: the scenario.
            length: tokens of a response; for more than one, its number of responses must be a power of so many letters.

        Raises:
            ValueError: if responses are not as many as there are texts of this length.
        """
        n = scenario.n_responses
        letters = round(n ** (1 / length))
        if letters**length != n or (length > 1 and not scenario.legal.all()):
            raise ValueError(f"{n} responses are not all texts of {length} letters, of an alphabet of any size")
        self.scenario = scenario
        self.prompts = [f"prompt-{x}" for x in range(scenario.n_prompts)]
        words = [_PAD, _END, *(f"letter-{i}" for i in range(letters)), *self.prompts]
        vocabulary = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=_PAD))
        special = {"pad_token": _PAD, "eos_token": _END}
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_object=vocabulary, padding_side="left", **special)
        self.responses = [[2 + i for i in numbers] for numbers in product(range(letters), repeat=length)]
        self._first = 2 + letters  # the token of the first prompt
        self._length = length

    def model(self, seed: int, width: int = 32) -> "SmallModel":
        """Returns a transformer of one layer, made anew, which says every response equally often or nearly so."""
        torch.manual_seed(seed)
        settings = GPT2Config(
            vocab_size=len(self.tokenizer),
            n_positions=1 + self._length,
            n_embd=width,
            n_layer=1,
            n_head=2,
            bos_token_id=1,
            eos_token_id=1,
            pad_token_id=0,
            attn_pdrop=0.0,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            use_cache=False,
        )
        said = torch.full((self.scenario.n_prompts, len(self.tokenizer)), _NEVER)
        for legal, row in zip(self.scenario.legal, said, strict=True):
            row[2 : self._first] = 0.0
            if self._length == 1:
                row[2 : self._first][torch.tensor(~legal)] = _NEVER
        return SmallModel(settings, said, self._first)

    def log_policy(self, model: torch.nn.Module) -> torch.Tensor:
        """Returns `[P, N]` the logarithms of the chances of all responses, with gradients."""
        rows = torch.tensor([[self._first + x, *said] for x in range(len(self.prompts)) for said in self.responses])
        logits = model(input_ids=rows).logits[:, :-1].log_softmax(-1)
        chances = logits.gather(2, rows[:, 1:, None])[..., 0].sum(1)
        return chances.reshape(len(self.prompts), -1)

    def policy(self, model: torch.nn.Module) -> np.ndarray:
        """Returns `[P, N]` what a model says, exactly."""
        with torch.no_grad():
            chances = self.log_policy(model).double().exp().numpy()
        return chances / chances.sum(axis=1, keepdims=True)


class SmallModel(GPT2LMHeadModel):
    """A transformer that says nothing but responses to its prompt."""

    def __init__(self, config: GPT2Config, said: torch.Tensor, first: int) -> None:
        """Makes a model; `said` are `[P, V]` logits to add for each prompt, of which `first` is the first token."""
        super().__init__(config)
        self._said, self._first_prompt = said, first

    def forward(self, input_ids: Any, **more: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns what the transformer does, with the logits of what is no response far below all others."""
        answer: Any = super().forward(input_ids=input_ids, **more)
        prompts = input_ids.max(dim=1).values - self._first_prompt  # prompts have the highest tokens
        answer.logits = answer.logits + self._said[prompts][:, None]
        return answer
