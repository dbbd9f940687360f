"""Pictures of results: win rates against k, equilibria, k responses against l, populations, and leaderboards.

Nothing is computed here; the results come from `scoring` and `benchmark`.
"""

import io
import os
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib import font_manager, rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ualign_env._files import write_file
from ualign_env._text import counted, printable, short
from ualign_env.benchmark.reporting.standings import Board
from ualign_env.scoring.curves import Curve, Family, VersusMap
from ualign_env.scoring.evaluation import Evaluation
from ualign_env.scoring.inspection import Inspection
from ualign_env.scoring.sample_curves import SampleCurve
from ualign_env.solvers.baselines import BASELINES

# one colour a line, told apart by people with any colour vision (Okabe & Ito)
_EQUILIBRIUM, _REGULARISED = "#009E73", "#E69F00"
_COLOURS = ["#D55E00", "#CC79A7", "#0072B2", "#999999", "#009E73", "#E69F00", "#56B4E9", "#6A3D9A", "#000000"]
_STYLES = ("-", "--", ":", "-.")  # lines often hide each other
_FREE = [colour for colour in _COLOURS if colour not in (_EQUILIBRIUM, _REGULARISED)]
#: How each baseline is drawn, in all pictures alike.
_BASELINES: dict[str, dict[str, Any]] = {
    name: {"color": _FREE[i % len(_FREE)], "ls": _STYLES[i % 3], "marker": "."} for i, name in enumerate(BASELINES)
}

_OWN = ["#E69F00", "#882255", "#0072B2", "#CC79A7", "#56B4E9", "#000000"]  # of policies beside baselines

_WORST = "chance to be picked against the worst opponent"
_WRITTEN = 10  # responses up to which a heat map has numbers
_GROUPS = 12  # of users, that are drawn
_LONG = 60  # characters of a scenario's name

_Result = TypeVar("_Result")

#: Fonts with the characters of many languages, of which the installed ones are taken where the usual one has none.
_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
)
_FONTS += ("Microsoft YaHei", "Arial Unicode MS", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Hebrew")


class Picture(Figure):
    """A figure that notebooks show, whether or not pyplot was imported there, and with whichever backend."""

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        with rc_context(_settings()):
            self.savefig(out, format="png", dpi=100)
        return out.getvalue()


def _settings() -> dict[Any, Any]:
    """Returns settings in which names mean nothing to TeX, and the same picture gives the same file."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [*rcParams["font.family"], *(name for name in _FONTS if name in installed)]
    return {"text.usetex": False, "text.parse_math": False, "svg.hashsalt": "ualign", "font.family": fonts}


def _drawn(draw: Callable[[_Result], Figure]) -> Callable[[_Result], Figure]:
    """Decorates what draws a result: in it, texts are nothing but text."""

    @wraps(draw)
    def drawn(result: _Result) -> Figure:
        with rc_context(_settings()):
            return draw(result)

    return drawn


@_drawn
def curve(result: Curve) -> Figure:
    """Draws robust win rates against k: the optimum, the equilibrium of each k, policies (thick), and the baselines.

    Args:
        result: what `win_rate_curve` returned.
    """
    figure, axes = _axes()
    sizes = result.sizes
    axes.plot(sizes, result.optimum, color="black", linestyle=":", zorder=3, label="optimum k/(k+1)")
    axes.plot(sizes, result.equilibria, color=_EQUILIBRIUM, marker="o", markersize=4, label="equilibrium of each k")
    if result.regularised:
        label = f"equilibrium at temperature {result.temperature:g}"
        axes.plot(sizes, result.regularised, color=_REGULARISED, marker="s", markersize=4, label=label)
    for name, rates in result.baselines.items():
        axes.plot(sizes, rates, label=BASELINES[name].label, **_BASELINES[name])
    for i, (name, rates) in enumerate(result.policies.items()):
        form: dict[str, Any] = {"marker": "Dsv^o"[i // len(_OWN) % 5], "markersize": 5, "linewidth": 2.5}
        axes.plot(sizes, rates, color=_OWN[i % len(_OWN)], label=_name(name), **form)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(k) for k in sizes])
    axes.set_xlabel("k, responses shown")
    axes.set_ylabel("robust win rate")
    _title(axes, _WORST, result.scenario)
    _legend(axes)
    return figure


@_drawn
def sample_curve(result: SampleCurve) -> Figure:
    """Draws the robust win rates of k samples of a model against k, with their intervals, beside the optimum.

    Args:
        result: what `sample_curve` returned.
    """
    figure, axes = _axes()
    sizes, (low, high) = np.array(result.sizes), result.intervals.T
    within = f"{result.confidence:.0%} interval"
    axes.plot(sizes, result.optimum, color="black", linestyle=":", label="optimum k/(k+1)")
    if sizes.size > 1:
        axes.fill_between(sizes, low, high, color=_EQUILIBRIUM, alpha=0.15, linewidth=0, label=within)
    else:
        axes.vlines(sizes, low, high, color=_EQUILIBRIUM, alpha=0.5, label=within)
    marker = "o" if sizes.size <= _WRITTEN else None
    axes.plot(sizes, result.robust_win_rates, color=_EQUILIBRIUM, marker=marker, markersize=4, label="k samples")
    halves = "worst opponent by the other half"
    if np.isfinite(result.split_half_rates).any():
        axes.plot(sizes, result.split_half_rates, color=_REGULARISED, linestyle="--", label=halves)
    axes.set_xscale("log", base=2)
    ticks = result.sizes if sizes.size <= _WRITTEN else [k for k in result.sizes if k & (k - 1) == 0]
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.set_xlabel("k, samples shown")
    axes.set_ylabel("robust win rate")
    _title(axes, _WORST, result.scenario)
    _legend(axes)
    return figure


@_drawn
def family(result: Family) -> Figure:
    """Draws how the equilibrium of one prompt moves from the maximal lottery (k = 1) to maximum Nash welfare.

    Args:
        result: what `equilibrium_family` returned.
    """
    policies, sizes = result.policies, result.sizes
    shown = np.argsort(-np.maximum(policies.max(axis=0), result.limit), kind="stable")[: len(_COLOURS)]
    figure, axes = _axes()
    last = 2 * sizes[-1]
    for y, colour in zip(shown, _COLOURS, strict=False):
        axes.plot(sizes, policies[:, y], color=colour, marker="o", markersize=4, label=_name(result.responses[y]))
        axes.plot([last], [result.limit[y]], color=colour, marker="D", clip_on=False)
        axes.plot([2 * last], [result.favourites[y]], color=colour, marker="s", fillstyle="none", clip_on=False)
    axes.set_xscale("log", base=2)
    axes.set_xticks([*sizes, last, 2 * last], [*(str(k) for k in sizes), "∞", "rd"])
    axes.set_xlabel("k, responses shown (∞: maximum Nash welfare; rd: random dictatorship)")
    axes.set_ylabel("probability in the equilibrium")
    if policies.shape[1] > len(shown):
        others = np.setdiff1d(np.arange(policies.shape[1]), shown)
        together = policies[:, others].sum(axis=1)
        axes.plot(sizes, together, color="#CCCCCC", linestyle="--", label=f"{others.size} others together")
    _title(axes, f"equilibria for k = {sizes[0]} to {sizes[-1]}", f"{result.scenario}, {result.prompt}")
    _legend(axes)
    return figure


@_drawn
def solved(boards: Sequence[Board]) -> Figure:
    """Draws for each leaderboard the share of tasks and targets that its agents solve, by what they spend.

    Args:
        boards: leaderboards, which are drawn side by side.
    """
    figure = Picture(figsize=(6.4 * len(boards), 6.4), layout="constrained")
    for place, board in enumerate(boards, start=1):
        axes = figure.add_subplot(1, len(boards), place)
        for i, row in enumerate(board.standings):
            style = _STYLES[i // len(_COLOURS) % len(_STYLES)]
            curve, colour = row.curve, _COLOURS[i % len(_COLOURS)]
            axes.step(curve.costs, curve.shares, where="post", color=colour, ls=style, label=_name(row.agent))
            if curve.low is not None and curve.high is not None:
                axes.fill_between(curve.costs, curve.low, curve.high, step="post", color=colour, alpha=0.15, lw=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.12g}")  # the usual one writes for TeX
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(board.currency)
        axes.set_ylabel("share of tasks and targets solved")
        axes.spines[["top", "right"]].set_visible(False)
        _title(axes, board.title, f"{counted(len(board.tasks), 'task')}, shortfalls from 0.1 to 1e-8")
        axes.legend(frameon=False, fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    return figure


@_drawn
def versus(result: VersusMap) -> Figure:
    """Draws heat maps over k and l: the value of the game, and what k samples of the equilibrium reach.

    A value that misses its tolerance, and a rate against opponents that were sought greedily, are marked by "~".

    Args:
        result: what `versus_map` returned.
    """
    largest_k, largest_l = result.together.shape
    size = max(4.2, 1.2 + 0.75 * largest_l), 2.0 + 0.5 * largest_k
    figure = Picture(figsize=(2 * size[0], size[1]), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, title, rates, certain in (
        (panels[0], "k responses chosen together (the game's value)", result.together, result.together_converged),
        (panels[1], "k samples of the (k+1)-player equilibrium", result.sampled, result.sampled_proven),
    ):
        axes.imshow(rates, origin="lower", vmin=0, vmax=1, cmap="viridis", aspect="auto")
        for (i, j), rate in np.ndenumerate(rates):
            text, colour = f"{'' if certain[i, j] else '~'}{rate:.3f}", "black" if rate > 0.6 else "white"
            axes.text(j, i, text, ha="center", va="center", color=colour)
        axes.set_xticks(range(largest_l), [str(l) for l in range(1, largest_l + 1)])
        axes.set_yticks(range(largest_k), [str(k) for k in range(1, largest_k + 1)])
        axes.set_xlabel("l, responses of the opponent")
        axes.set_title(title, fontsize="medium")
    panels[0].set_ylabel("k, responses of the model")
    figure.suptitle(f"chance to be picked against the worst l responses\n{_named(result.scenario)}", fontsize="large")
    return figure


@_drawn
def evaluation(result: Evaluation) -> Figure:
    """Draws models' win rates against all samples, and how often k of one are picked against k of another.

    Args:
        result: what `evaluate_generations` returned.
    """
    matrices = [
        (k, rates) for k, rates in zip(result.sizes, result.cross_play, strict=True) if np.isfinite(rates).all()
    ]
    names = [_name(one.model) for one in result.models]
    figure = Picture(figsize=(14, 4.8), layout="constrained")
    rates, cross = figure.subplots(1, 2, width_ratios=(1.2, 1))
    ks = np.array(result.sizes)
    rates.plot(ks, ks / (ks + 1), color="black", linestyle=":", label="optimum k/(k+1)")
    for i, one in enumerate(result.models):
        colour, label = _COLOURS[i % len(_COLOURS)], names[i]
        if np.isfinite(one.win_rates).any():
            rates.plot(one.sizes, one.win_rates, color=colour, marker="o", markersize=4, label=label)
            label = None
        if one.curve is not None:
            known = ~np.isnan(one.curve.split_half_rates)  # for larger k the upper end says nothing
            low, high = one.curve.intervals[known].T
            rates.plot(one.sizes, one.curve.robust_win_rates, color=colour, linestyle="--", marker=".", label=label)
            rates.fill_between(np.array(one.sizes)[known], low, high, color=colour, alpha=0.12, linewidth=0)
    rates.set_xscale("log", base=2)
    rates.set_xticks(ks, [str(k) for k in ks])
    rates.set_ylim(0, 1)
    rates.set_xlabel("k, samples shown")
    rates.set_title("robust win rate against all samples; dashed, with intervals, the others'", fontsize="medium")
    _legend(rates)
    rates.spines[["top", "right"]].set_visible(False)
    k, matrix = matrices[-1] if matrices else (result.sizes[0], result.cross_play[0])
    image = cross.imshow(matrix, vmin=0, vmax=1, cmap="PuOr", aspect="auto")
    cross.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize="small")
    cross.set_yticks(range(len(names)), names, fontsize="small")
    if len(names) <= _WRITTEN:
        for (i, j), rate in np.ndenumerate(matrix):
            colour = "black" if 0.2 < rate < 0.8 else "white"
            cross.text(j, i, f"{rate:.2f}", ha="center", va="center", color=colour, fontsize="small")
    figure.colorbar(image, ax=cross, label="chance that the row is picked")
    cross.set_title(f"{k} of the row's samples against {k} of the column's", fontsize="medium")
    figure.suptitle(_named(result.scenario))
    return figure


@_drawn
def inspection(result: Inspection) -> Figure:
    """Draws a prompt's majorities and favourites, robust win rates against k and, where there are groups, theirs.

    Args:
        result: what `inspect_scenario` returned; of several prompts, the one that it chose is drawn.
    """
    pictured = result.pictured
    names = [_name(name) for name in pictured.responses]
    ratios = (1.15, 0.8, 1.2, 0.9)[: 4 if result.group_rates else 3]
    figure = Picture(figsize=(15.5 * sum(ratios) / 3.15, 4.6), layout="constrained")
    majorities, favourites, rates, *of_groups = figure.subplots(1, len(ratios), width_ratios=ratios)
    image = majorities.imshow(pictured.pairwise, vmin=0, vmax=1, cmap="PuOr", aspect="auto")
    majorities.set_xticks(range(len(names)), [str(i) for i in range(1, len(names) + 1)], fontsize="x-small")
    majorities.set_yticks(range(len(names)), [f"{y}  {i}" for i, y in enumerate(names, 1)], fontsize="x-small")
    if len(names) <= _WRITTEN:
        for (i, j), share in np.ndenumerate(pictured.pairwise):
            colour = "black" if 0.2 < share < 0.8 else "white"
            majorities.text(j, i, f"{share:.2f}", ha="center", va="center", color=colour, fontsize="x-small")
    figure.colorbar(image, ax=majorities, label="share who prefer the row")
    where = f" on {_name(pictured.prompt)}" if len(result.prompts) > 1 else ""
    majorities.set_title(f"pairs{where}, best Borda count first", fontsize="medium")
    favourites.barh(range(len(names)), np.nan_to_num(pictured.favourites), color=_COLOURS[2])
    favourites.set_yticks(range(len(names)), names, fontsize="x-small")
    favourites.invert_yaxis()
    favourites.set_xlabel("share of users")
    favourites.set_title(f"favourites{where}", fontsize="medium")
    rates.plot(result.sizes, result.optimum, color="black", linestyle=":", label="optimum k/(k+1)")
    for name, values in result.rates.items():
        label = BASELINES[name].label if name in BASELINES else "best maximal lottery for k"
        style = _BASELINES.get(name, {"color": _REGULARISED, "ls": "--", "marker": "."})
        rates.plot(result.sizes, values, label=label, **style)
    rates.set_xscale("log", base=2)
    rates.set_xticks(result.sizes, [str(k) for k in result.sizes])
    rates.set_ylim(0, 1)
    rates.set_xlabel("k, responses shown")
    rates.set_title("robust win rate" + ", all prompts" * bool(where), fontsize="medium")
    _legend(rates)
    for axes in of_groups:
        _groups(axes, result)
    for axes in (favourites, rates, *of_groups):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(_named(result.scenario))
    return figure


def _groups(axes: Axes, result: Inspection) -> None:
    """Draws what policies reach among each group's own users, a row for each group that NLHF serves worst."""
    worst = list(result.group_rates.items())[:_GROUPS]
    for policy in worst[0][1]:
        known = policy in BASELINES
        colour, marker = (_BASELINES[policy]["color"], "o") if known else (_EQUILIBRIUM, "D")
        rates = [own[policy] for _, own in worst]
        label = BASELINES[policy].label if known else policy
        axes.plot(rates, range(len(worst)), color=colour, linestyle="", marker=marker, label=label)
    more = len(result.group_rates) - len(worst)
    axes.set_yticks(range(len(worst)), [_name(name) for name, _ in worst], fontsize="x-small")
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1)
    axes.set_xlabel("robust win rate among its own users")
    axes.set_title(f"groups at k = {result.largest_shown}{f', the worst {len(worst)}' * (more > 0)}", fontsize="medium")
    axes.grid(axis="y", alpha=0.3)
    _legend(axes)


def check_path(path: str | os.PathLike[str]) -> None:
    """Raises an error unless a picture can go there, before the work of making one.

    Args:
        path: where it is to go.

    Raises:
        ValueError: if the format is unknown or the folder missing.
    """
    file = Path(path)
    if file.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{os.fspath(path)!r} must end in .png, .svg or .pdf")
    if not file.parent.is_dir():
        raise ValueError(f"cannot write {os.fspath(path)!r}: there is no folder {os.fspath(file.parent)!r}")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a picture.

    Args:
        figure: any figure of matplotlib.
        path: the file, whose ending chooses the format: .png (150 dots an inch), .svg or .pdf.

    Raises:
        ValueError: if the format is unknown or the file cannot be written.
    """
    check_path(path)
    ending = Path(path).suffix.lower()[1:]
    dated = {"svg": "Date", "pdf": "CreationDate"}.get(ending)
    with rc_context(_settings()):
        metadata = {dated: None} if dated else None
        write_file(
            path, lambda file: _one_warning(lambda: figure.savefig(file, format=ending, dpi=150, metadata=metadata))
        )


def _one_warning(draw: Callable[[], None]) -> None:
    """Draws, and warns once of all characters that no font has, instead of once for each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draw()
    missing = [one for one in caught if "missing from" in str(one.message)]
    for one in caught:
        if one not in missing:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        warnings.warn(
            f"{len({str(one.message) for one in missing})} characters are in no font that is installed, and appear as "
            "boxes; fonts such as Noto Sans CJK have them",
            stacklevel=2,
        )


def _name(text: str) -> str:
    """Returns a label: matplotlib leaves those that begin with an underscore out of legends."""
    name = short(text, 30)
    return printable(f" {name}" if name.startswith("_") else name, keep="")


def _named(text: str) -> str:
    """Returns what a picture is of, on one line: of a long name, without folders and options of files."""
    if len(text) > _LONG:
        kept = [part for part in text.split("/") if ":" not in part]
        text = kept[-1] if kept else text
    return printable(short(text, 90))


def _title(axes: Axes, what: str, of: str) -> None:
    """Writes what is drawn above the axes, and below it of what."""
    axes.set_title(f"{what}\n{_named(of)}", fontsize="medium")


def _legend(axes: Axes) -> None:
    """Writes what the lines are beside them, where it hides none."""
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))


def _axes() -> tuple[Figure, Axes]:
    figure = Picture(figsize=(8.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(0, 1)
    return figure, axes
