"""Games as pictures: a card for each player, and the user who picked."""

import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from ualign_env.envs.rendering import Shown

_WIDTH, _HEIGHT = 640, 400  # pixels, both even, as video codecs want
_DPI = 100
_CARDS, _ROW = 8, 4  # cards that are shown, and how many beside each other
_INK, _PAPER, _LINE, _PICKED, _FAINT, _FADED = "#1c2024", "#ffffff", "#c9cfd5", "#0072b2", "#e4eff7", "#5f6870"


def frame(shown: Shown) -> npt.NDArray[np.uint8]:
    """Returns the picture of a game, `[400, 640, 3]`; of many players, the first and those who were picked."""
    figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, facecolor=_PAPER)
    canvas = FigureCanvasAgg(figure)
    _text(figure, 0.5, 0.93, textwrap.shorten(shown.title, 60), size=13, weight="bold")
    if not shown.names:
        _text(figure, 0.5, 0.5, textwrap.fill(textwrap.shorten(shown.choice, 400), 60), size=11, colour=_FADED)
    cards = sorted(sorted(range(len(shown.names)), key=lambda i: -shown.rewards[i])[:_CARDS])
    rows = -(-len(cards) // _ROW)
    for place, i in enumerate(cards):
        row, column = divmod(place, _ROW)
        beside = min(_ROW, len(cards) - row * _ROW)
        width, height = 0.94 / beside, 0.66 / rows
        _card(figure, (0.03 + column * width, 0.84 - (row + 1) * height, width, height), shown, i)
    left = len(shown.names) - len(cards)
    judge = textwrap.shorten(shown.judge, 160)
    below = f"{judge}\nand {left:,} more players" if left else judge
    _text(figure, 0.5, 0.08, textwrap.fill(below, 84), size=9)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _card(figure: Figure, place: tuple[float, float, float, float], shown: Shown, i: int) -> None:
    x, y, width, height = place
    reward = shown.rewards[i]
    picked = reward > 0 and not shown.chances
    box = FancyBboxPatch(
        (x + 0.012, y + 0.02),
        width - 0.024,
        height - 0.04,
        boxstyle="round,pad=0,rounding_size=0.015",
        transform=figure.transFigure,
        facecolor=_FAINT if picked else _PAPER,
        edgecolor=_PICKED if picked else _LINE,
        linewidth=2.5 if picked else 1,
    )
    figure.add_artist(box)
    if shown.chances:  # a bar as long as the chance of being picked
        length = (width - 0.04) * float(reward)
        figure.add_artist(
            Rectangle((x + 0.02, y + 0.03), length, 0.015, transform=figure.transFigure, facecolor=_PICKED)
        )
    middle, letters = x + width / 2, max(8, int(width * 78))
    _text(figure, middle, y + height * 0.84, textwrap.shorten(shown.names[i], letters), size=9, colour=_FADED)
    lines = textwrap.wrap(shown.texts[i], letters)[: max(1, int(height * 11))]
    _text(figure, middle, y + height * 0.5, "\n".join(lines), size=10)
    said = f"{reward:.3f}" if shown.chances else shown.outcomes[i]
    _text(figure, middle, y + height * 0.17, said, size=9, weight="bold", colour=_PICKED)


def _text(
    figure: Figure, x: float, y: float, text: str, *, size: int, weight: str = "normal", colour: str = _INK
) -> None:
    # texts are other people's: no formulas are read from dollars
    figure.text(x, y, text, ha="center", va="center", fontsize=size, fontweight=weight, color=colour, parse_math=False)
