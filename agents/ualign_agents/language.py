"""A language of which every sentence is known: tiny language models whose policy can be read exactly.

A prompt is a token, and a response one or more letters. What a model says to a prompt is therefore a distribution over
the responses of a scenario, and scored as every policy is. Axes: P prompts, N responses, T texts.
"""

from itertools import count, product
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

import ualign_env as ua

#: For trainers of models that are as small: on the CPU, without files, logs and bars.
SMALL: dict[str, Any] = {
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": [],
    "disable_tqdm": True,
}

_NEVER = -1e4  # a logit
_PAD, _END = "[pad]", "[end]"


class Language:
    """Prompts and responses of a scenario as tokens.

    Where a prompt has fewer responses than there are texts, several texts mean the same.

    Attributes:
        scenario: the scenario.
        prompts: P texts.
        texts: T lists of the tokens of a text.
        meaning: `[P, T]` the response that each text is.
        tokenizer: from texts to tokens.
        first_letter: the token of the first letter; the others follow.
    """

    def __init__(self, scenario: ua.Scenario, length: int = 1) -> None:
        """Makes a language with as few letters as suffice.

        Args:
            scenario: the scenario.
            length: letters of a response.

        Raises:
            ValueError: if there are no letters.
        """
        if length < 1:
            raise ValueError(f"length is {length}, but must be at least one letter")
        letters = next(n for n in count(1) if n**length >= scenario.n_responses)
        self.scenario = scenario
        self.first_letter = len((_PAD, _END))
        self.prompts = [f"prompt-{x}" for x in range(scenario.n_prompts)]
        words = [_PAD, _END, *(f"letter-{i}" for i in range(letters)), *self.prompts]
        vocabulary = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=_PAD))
        special = {"pad_token": _PAD, "eos_token": _END}
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_object=vocabulary, padding_side="left", **special)
        self.texts = [[self.first_letter + i for i in numbers] for numbers in product(range(letters), repeat=length)]
        legal = [np.flatnonzero(row) for row in scenario.legal]
        self.meaning = np.array([np.resize(row, len(self.texts)) for row in legal])
        self._first_prompt = self.first_letter + letters
        self._length = length

    @property
    def responses(self) -> list[list[list[int]]]:
        """The tokens of each response to each prompt, as `KnownResponses` takes them.

        Raises:
            ValueError: if several texts are the same response.
        """
        texts = len(self.texts)
        if texts != self.scenario.n_responses or not self.scenario.legal.all():
            counts = sorted({users.n_responses for users in self.scenario.populations})
            raise ValueError(f"prompts have {counts} responses, but there are {texts} texts of {self._length} letters")
        return [self.texts] * len(self.prompts)

    def model(self, seed: int, width: int = 32) -> GPT2LMHeadModel:
        """Returns a transformer of one layer, made anew, which says every text equally often or nearly so."""
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
        model.lm_head.bias[self.first_letter : self._first_prompt] = 0.0
        return model

    def log_chances(self, model: torch.nn.Module) -> torch.Tensor:
        """Returns `[P, T]` the logarithms of the chances of all texts, with gradients."""
        rows = torch.tensor([[self._first_prompt + x, *said] for x in range(len(self.prompts)) for said in self.texts])
        logits = model(input_ids=rows).logits[:, :-1].log_softmax(-1)
        chances = logits.gather(2, rows[:, 1:, None])[..., 0].sum(1)
        return chances.reshape(len(self.prompts), -1)

    def policy(self, model: torch.nn.Module) -> np.ndarray:
        """Returns `[P, N]` what a model says, exactly."""
        with torch.no_grad():
            chances = self.log_chances(model).double().exp().numpy()
        said = np.zeros(self.scenario.legal.shape)
        np.add.at(said, (np.arange(len(said))[:, None], self.meaning), chances)
        return said / said.sum(axis=1, keepdims=True)
