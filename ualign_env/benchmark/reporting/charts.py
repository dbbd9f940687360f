"""Line charts as SVG: small, readable in light and dark, and of the page's own colours.

Coordinates are whole tenths of a unit, since hundreds of lines are on a page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ualign_env._types import Floats

_WIDTH, _HEIGHT = 640, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 44
_POINTS = 40  # a line
_COLOURS, _DASHES = 10, ("", "5 3", "1.5 2.5")


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        label: what it is.
        xs: `[C]`.
        ys: `[C]`; where they are not finite, the line ends.
        low: `[C]` the lower edge of a band around it, or None.
        high: `[C]` the upper edge.
    """

    label: str
    xs: Floats
    ys: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: what it shows.
        low: where it begins.
        high: where it ends.
        log: whether it is logarithmic.
    """

    title: str
    low: float
    high: float
    log: bool = False

    def place(self, values: Floats) -> Floats:
        """Returns values as shares of the axis, those beyond it at its ends."""
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        given = np.log10(np.maximum(values, self.low)) if self.log else values
        return np.clip((given - low) / ((high - low) or 1.0), 0, 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Returns values and their labels."""
        if self.log and self.low >= 1 and self.high / self.low <= 1000:
            powers = range(math.ceil(math.log2(self.low) - 1e-9), math.floor(math.log2(self.high) + 1e-9) + 1)
            return [(2.0**i, f"{2**i}") for i in powers]
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, math.ceil((last - first) / 8))
            return [(10.0**i, f"1e{i}" if not -3 < i < 4 else f"{10.0**i:g}") for i in range(first, last + 1, step)]
        return [(value, f"{value:g}") for value in np.linspace(self.low, self.high, 6).round(6).tolist()]


def style_of(number: int) -> tuple[int, int]:
    """Returns the colour and the kind of dashes of the line with a number: thirty lines are told apart."""
    return number % _COLOURS, number // _COLOURS % len(_DASHES)


def chart(title: str, lines: Sequence[Line], x: Axis, y: Axis, *, steps: bool = False) -> str:
    """Returns a chart as SVG.

    Args:
        title: what it shows, for those who don't see it.
        lines: in the order of their colours.
        x: the horizontal axis.
        y: the vertical one.
        steps: whether lines hold their value until the next point.
    """
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for value, label in x.ticks():
        at = _across(x.place(np.array([value])))[0]
        parts.append(f'<path class="grid" d="M{at} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{at}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{label}</text>')
    for value, label in y.ticks():
        at = _down(y.place(np.array([value])))[0]
        parts.append(f'<path class="grid" d="M{_LEFT} {at}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{label}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">{escape(x.title)}</text>')
    parts.append(f'<text x="4" y="{_HEIGHT - 8}">{escape(y.title)}</text>')
    for number, line in enumerate(lines):
        parts.append(_drawn(number, line, x, y, steps))
    return "".join([*parts, "</svg>"])


def _drawn(number: int, line: Line, x: Axis, y: Axis, steps: bool) -> str:
    known = np.isfinite(line.ys)
    xs, ys = line.xs[known], line.ys[known]
    if not xs.size:
        return ""
    colour, kind = style_of(number)
    kept = np.unique(np.linspace(0, xs.size - 1, min(xs.size, _POINTS)).round().astype(int))
    across, down = _across(x.place(xs[kept])), _down(y.place(ys[kept]))
    dashed = f' stroke-dasharray="{_DASHES[kind]}"' if kind else ""
    body = _path(across, down, steps)
    if len(kept) == 1:
        body += "h.1"  # a dot
    band = ""
    if line.low is not None and line.high is not None:
        low, high = _down(y.place(line.low[known][kept])), _down(y.place(line.high[known][kept]))
        back = _path(across[::-1], low[::-1], False).replace("M", "L", 1)
        band = f'<path class="band f{colour}" d="{_path(across, high, False)}{back}Z"/>'
    return f'{band}<path class="line s{colour}" d="{body}"{dashed}><title>{escape(line.label)}</title></path>'


def _path(across: Sequence[float], down: Sequence[float], steps: bool) -> str:
    points = list(zip(across, down, strict=True))
    start = f"M{points[0][0]:g} {points[0][1]:g}"
    if steps:
        return start + "".join(f"H{a:g}V{b:g}" for a, b in points[1:])
    return start + "".join(f"L{a:g} {b:g}" for a, b in points[1:])


def _across(shares: Floats) -> list[float]:
    return (_LEFT + shares * (_WIDTH - _LEFT - _RIGHT)).round(1).tolist()


def _down(shares: Floats) -> list[float]:
    return (_HEIGHT - _BOTTOM - shares * (_HEIGHT - _TOP - _BOTTOM)).round(1).tolist()
