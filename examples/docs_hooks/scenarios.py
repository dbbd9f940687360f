"""Pages of families of scenarios and of metrics."""

import io
from importlib import import_module

import numpy as np
from pages import Page, block, described, documented, listing, table

import ualign_env as ua
from ualign_env import _options, plots
from ualign_env.cli.evaluate import MEANINGS
from ualign_env.scoring.scorecard import Scorecard
from ualign_env.solvers.baselines import BASELINES
from ualign_env.sources import OPTIONS, SOURCES
from ualign_env.specs import PARTS

_SIZES = (1, 2, 4, 8, 16)


def scenario_pages() -> list[Page]:
    """Returns a page for each named scenario, with a drawing, and the list of them."""
    rows, found = [], []
    for name, entry in SOURCES.items():
        module, _, attribute = entry.partition(":")
        function = getattr(import_module(module), attribute)
        lines = documented(function.__doc__)
        rows.append((f"[`{name}`]({name}.md)", lines.partition("\n")[0]))
        options = _options.options(function)
        told = [
            (f"`{key}`", f"`{_options.written(value)}`", _type(value), OPTIONS[key]) for key, value in options.items()
        ]
        small = name if name != "moving-opinions" else f"{name}/prompts:20/held-out:0"
        inspection = ua.inspect_scenario(small)
        figure = plots.curve(ua.win_rate_curve(small, _SIZES))
        found += [
            Page(
                f"scenarios/{name}.md",
                "\n\n".join(
                    [
                        f"# {name}",
                        lines,
                        table(("option", "default", "", "what it is"), told),
                        f"The spec is `{name}` with options after it, as in `{_options.described(name, options)}`; "
                        "as flags, they are `--option value`.",
                        block(f"ualign inspect {small}", "bash"),
                        block(inspection.summary()),
                        f"![Robust win rates against k: simple policies and the optimum k/(k+1)]({name}.svg)",
                        f"Whose work it is, and its fingerprint: `ualign cite {name}`. [How to cite](../cite.md).",
                    ]
                )
                + "\n",
            ),
            Page(f"scenarios/{name}.svg", _drawing(figure)),
        ]
    text = (
        "Where users come from, unless they are [your own](../start/preference-data.md). Every name takes options, "
        f"`name/key:value/...`; besides its own also {', '.join(f'`{key}`' for key in PARTS)}, which say which prompts "
        "are learned on and which are held out."
    )
    return [listing("Scenarios", "scenarios", text, ("scenario", "what it is"), rows), *found]


def _type(value: object) -> str:
    names = {bool: "true or false", int: "integer", float: "number", str: "text"}
    if isinstance(value, tuple):
        return "several, joined by `;`"
    return names.get(type(value), type(value).__name__)


def _drawing(figure: object) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg")  # pyright: ignore[reportAttributeAccessIssue]
    return out.getvalue().decode()


def metric_pages() -> list[Page]:
    """Returns a page for each number of a scorecard, and the list of them."""
    attributes = described(Scorecard.__doc__, "Attributes")
    cards = {(name, k): ua.score("german-goals", name, k) for name in BASELINES for k in (1, 2, 4)}
    rows, found = [], []
    for name, text in attributes.items():
        if name in ("scenario", "k", "l"):
            continue
        rows.append((f"[`{name}`]({name}.md)", text.partition(". ")[0]))
        values = [
            (f"[`{policy}`](../baselines/{policy}.md)", *(_value(getattr(cards[policy, k], name)) for k in (1, 2, 4)))
            for policy in BASELINES
        ]
        code = block(f"import ualign_env as ua\n\nprint(ua.score('german-goals', 'nlhf', k=2).{name})", "python")
        output = block(str(getattr(cards["nlhf", 2], name)))
        found.append(
            Page(
                f"metrics/{name}.md",
                f"# {name}\n\n{text[0].upper()}{text[1:]}\n\n{code}\n\n{output}\n\nOn `german-goals`:\n\n"
                + table(("policy", "k = 1", "k = 2", "k = 4"), values)
                + "\n",
            )
        )
    text = (
        "What [`score`][ualign_env.score] says of a policy: attributes of a `Scorecard`, and lines of `ualign score`. "
        "[What `ualign evaluate` says of models](models.md) that are known by what they said; "
        "[what `ualign inspect` says of users](../concepts/inspection.md)."
    )
    return [listing("Metrics", "metrics", text, ("metric", "what it is"), rows), *found, _models()]


def _models() -> Page:
    """Returns the page of the columns that models are compared by."""
    parts = [
        "# What `ualign evaluate` says of models",
        "Of each k, the *robust win rate* of k samples of each model, and the numbers that people quote; "
        "[`evaluate_generations`][ualign_env.evaluate_generations] returns them.",
        table(("column", "what it is"), [(f"`{name}`", meaning) for name, meaning in MEANINGS.items()]),
        "Below stands how often one of k samples of the row's model is picked against k of the column's. Ties are won "
        "half of the time. A column in which nothing is known is left out: coverage needs a threshold and a column of "
        "groups, and judgements that are comparisons of two say nothing of several samples, unless "
        "[a rule makes orders of them](../concepts/identifiability.md).",
    ]
    return Page("metrics/models.md", "\n\n".join(parts) + "\n")


def _value(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.4f}"
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
