"""What players of the PettingZoo and Gymnasium environments see, as spaces."""

import numpy as np
from gymnasium import spaces

from ualign_env.scenario import Scenario


def observation_box(scenario: Scenario) -> spaces.Box:
    """Returns the space of the scenario's observations: from 0 to 1, wider where features are."""
    table = scenario.observations
    return spaces.Box(min(0.0, float(table.min())), max(1.0, float(table.max())), table.shape[1:], np.float32)
