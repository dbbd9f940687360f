"""Files of known data sets: which reader takes them, and which of their fields are what. Rows of one table.

Nobody's data is here, only the names of fields.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ualign_env.readers.table import Table, as_table


@dataclass(frozen=True)
class Preset:
    """How the files of a data set are read.

    Attributes:
        summary: what it is, in a line.
        reader: the name of the reader.
        options: options of the reader; in their texts, `{name}` stands for a choice.
        marks: columns by which a file is recognised.
        choices: for each choice, what it can be, the default first.
        unfolded: whether `unfolded` makes its rows.
    """

    summary: str
    reader: str
    options: dict[str, Any]
    marks: tuple[str, ...]
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unfolded: bool = False


_TURNS = ("first", "second", "third", "fourth")

PRESETS = {
    "overtonbench": Preset(
        "OvertonBench: people rate how well models represent their view.",
        "ratings",
        {"prompt": "question_id", "response": "model", "score": "representation_rating", "group": "cluster_kmeans"},
        ("question_id", "user", "model", "representation_rating"),
    ),
    "coval": Preset(
        "CoVal (collective-alignment-1): annotators order four answers, for the world or for themselves.",
        "orders",
        {
            "prompt": "prompt_id",
            "user": "annotator_id",
            "order": "ranking_blocks.{register}.0.ranking",
            "repeated": "last",
        },
        ("prompt_id", "annotator_id", "ranking_blocks"),
        {"register": ("world", "personal")},
    ),
    "community-alignment": Preset(
        "Community Alignment: people from five countries choose one of four answers.",
        "picks",
        {
            "prompt": "{turn}_turn_prompt",
            "user": "annotator_id",
            "shown": tuple(f"{{turn}}_turn_response_{letter}" for letter in "abcd"),
            "chosen": "{turn}_turn_preferred_response",
            "repeated": "last",
        },
        ("annotator_id", "first_turn_prompt", "first_turn_response_a", "first_turn_preferred_response"),
        {"turn": _TURNS},
    ),
    "prism": Preset(
        "PRISM: people rate several models' answers to their own prompts, of which each has one rater.",
        "ratings",
        {"prompt": "interaction_id", "user": "user_id", "response": "model_name", "repeated": "mean"},
        ("interaction_id", "user_id", "model_name", "score", "within_turn_id"),
    ),
    "ultrafeedback": Preset(
        "UltraFeedback: a judge rates models' answers on four aspects, which are the users.",
        "ratings",
        {"prompt": "instruction", "user": "aspect", "response": "model", "score": "rating", "repeated": "mean"},
        ("instruction", "completions"),
        unfolded=True,
    ),
}


def unfolded(table: Any) -> Table:
    """Returns the table of UltraFeedback with a row for each prompt, model and aspect."""
    return _Unfolded(as_table(table))


class _Unfolded(Table):
    """Rows of `instruction`, `model`, `aspect` and `rating` from lists of completions with annotations."""

    columns = ("instruction", "model", "aspect", "rating")

    def __init__(self, folded: Table) -> None:
        self.name, self._folded = folded.name, folded

    def where(self, place: int) -> str:
        return self._folded.where(place)

    def _rows(self, columns: Any) -> Iterator[tuple[int, list[Any]]]:
        for place, (instruction, completions) in self._folded.rows("instruction", "completions"):
            for model, aspect, rating in self._ratings(place, completions):
                row = {"instruction": instruction, "model": model, "aspect": aspect, "rating": rating}
                yield place, [row[column] for column in columns]

    def _ratings(self, place: int, completions: Any) -> Iterator[tuple[Any, str, Any]]:
        try:
            for one in completions:
                for aspect, annotation in one["annotations"].items():
                    # an aspect that was judged in several ways has a list of them
                    first = annotation[0] if isinstance(annotation, list | tuple) else annotation
                    yield one["model"], aspect, (first or {}).get("Rating")
        except (TypeError, KeyError, AttributeError, IndexError) as error:
            raise ValueError(
                f"{self.where(place)}: completions must be a list of objects with model and annotations with a Rating "
                f"each: {error!r:.100}"
            ) from None
