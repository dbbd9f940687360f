"""Scenarios that were saved."""

import os

from ualign_env.scenario import Scenario


def read_npz(path: str | os.PathLike[str]) -> Scenario:
    """A scenario that `Scenario.save` or `ualign convert` wrote, of one prompt or several.

    Raises:
        ValueError: if the file is missing, damaged, or holds something else.
    """
    return Scenario.from_file(path)
