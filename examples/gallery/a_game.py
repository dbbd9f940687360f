"""Five games of three players, as `render_mode="rgb_array"` draws them."""

import sys

import numpy as np
import pettingzoo
from PIL import Image

import ualign_env  # noqa: F401  # which registers the environment

game = pettingzoo.make("parallel", "ualign/alignment-v0", scenario="german-goals", rounds=5, render_mode="rgb_array")
game.reset(seed=4)
frames = []
while game.agents:
    game.step({agent: game.action_space(agent).sample() for agent in game.agents})
    frames.append(Image.fromarray(np.asarray(game.render())))
frames[0].save(sys.argv[1], save_all=True, append_images=frames[1:], duration=1500, loop=0)
