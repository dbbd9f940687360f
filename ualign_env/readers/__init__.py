"""What other people's files and frames say, as scenarios: one file for each form of data, all in the table below.

A reader is a function that takes a path, or a frame where the form is a table, and returns a `Scenario`. Its keyword
parameters are the options of its specs and flags, with their types and defaults; the first line of its docstring is
what `ualign list` says of it. `judgements` holds the rules that they share, `table` goes through rows, `choose` tells
which reader fits a file, and `presets` knows the fields of some data sets.
"""

from dataclasses import dataclass

#: What stands for a folder among endings.
FOLDER = "/"

_TABLES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


@dataclass(frozen=True)
class Reader:
    """A reader, and the files that it takes.

    Attributes:
        function: where it is.
        endings: of the files.
        columns: its options that name columns which a table must have.
    """

    function: str
    endings: tuple[str, ...]
    columns: tuple[str, ...] = ()


READERS = {
    "saved": Reader("ualign_env.readers.saved:read_npz", (".npz",)),
    "preflib": Reader("ualign_env.readers.preflib:read_preflib", (".soc", ".soi", ".toc", ".toi")),
    "ratings": Reader("ualign_env.readers.ratings:read_ratings", _TABLES, ("user", "response", "score")),
    "wide-ratings": Reader("ualign_env.readers.wide:read_wide_ratings", (*_TABLES, ".npy", ".npz")),
    "ballots": Reader("ualign_env.readers.orders:read_ballots", _TABLES),
    "orders": Reader("ualign_env.readers.orders:read_orders", _TABLES, ("order",)),
    "picks": Reader("ualign_env.readers.picks:read_picks", _TABLES, ("shown", "chosen")),
    "pairwise": Reader("ualign_env.readers.pairwise:read_pairwise", _TABLES, ("chosen", "rejected")),
    "preferences": Reader("ualign_env.readers.pairwise:read_preferences", (".npy", ".npz")),
    "polis": Reader("ualign_env.readers.polis:read_polis", (FOLDER,)),
    "pabulib": Reader("ualign_env.readers.pabulib:read_pabulib", (".pb",)),
}
