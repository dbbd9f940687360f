"""A language of which every sentence is known: tiny language models whose policy can be read exactly.

A prompt is a token, and a response one or more tokens: its number, written with as many letters as are needed. What a
model says to a prompt is therefore a distribution over the responses of a scenario, and scored as every policy is.
"""

from itertools import product

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
            length: tokens of a response; responses must be as many as an integer to this power, for every prompt.

        Raises:
            ValueError: if responses are not as many as there are texts of this length, or prompts have different ones.
        """
        n = scenario.n_responses
        letters = round(n ** (1 / length))
        if letters**length != n or not scenario.legal.all():
            raise ValueError(f"{n} responses are not all texts of {length} letters, for every prompt")
        self.scenario = scenario
        self.prompts = [f"prompt-{x}" for x in range(scenario.n_prompts)]
        words = [_PAD, _END, *(f"letter-{i}" for i in range(letters)), *self.prompts]
        vocabulary = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=_PAD))
        special = {"pad_token": _PAD, "eos_token": _END}
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_object=vocabulary, padding_side="left", **special)
        self.responses = [[2 + i for i in numbers] for numbers in product(range(letters), repeat=length)]
        self._first = 2 + letters  # the token of the first prompt
        self._length = length

    def model(self, seed: int, width: int = 32) -> GPT2LMHeadModel:
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
        model = GPT2LMHeadModel(settings)
        # a mask in `forward` would act on what is sampled alone: trainers read weight and bias of the last layer
        model.lm_head.bias = torch.nn.Parameter(torch.full((len(self.tokenizer),), _NEVER), requires_grad=False)
        model.lm_head.bias[2 : self._first] = 0.0
        return model

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
