"""The command line's frame: what commands are, and the options that several of them take."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ualign_env import __version__, _checks, specs
from ualign_env.cli import flags
from ualign_env.cli.output import emit, note
from ualign_env.readers.choose import ENDINGS
from ualign_env.scenario import Scenario
from ualign_env.scoring.curves import POWERS

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Alignment games: k responses for users who disagree, at best k/(k+1) against every opponent.",
)


class _Command(TyperCommand):
    """A command that takes the options of its scenario as flags, too, and each option once, unless it is a list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Moves options of scenarios into their specs; of an option that is repeated, one would be ignored silently."""
        params = self.get_params(ctx)
        args, pairs = flags.taken(args, params)
        given = [arg.partition("=")[0] for arg in (args[: args.index("--")] if "--" in args else args)]
        for param in params:
            if getattr(param, "multiple", False) or param.param_type_name != "option":
                continue
            if sum(given.count(name) for name in [*param.opts, *param.secondary_opts]) > 1:
                raise ValueError(f"{param.opts[0]} is given twice")
        rest = super().parse_args(ctx, args)
        if pairs:
            flags.put(ctx.params, pairs)
        return rest


command: Callable[[str], Any] = partial(app.command, cls=_Command)
POWERS_TEXT = ",".join(map(str, POWERS))
KNOWN = f"{', '.join(specs.list_scenarios())}, or a file that ends in {', '.join(ENDINGS)}, or a folder of Polis"
ScenarioOption = Annotated[
    str,
    typer.Argument(
        help=f"A scenario: {KNOWN}. Its options follow it, as in mallows/phi:0.5/prompts:3, or are flags, as in "
        "--phi 0.5, and of files --user, --prompt, --response, --score and --group, which name columns; `ualign list` "
        "names all."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sizes = Annotated[str, typer.Option("--k", help="Numbers of responses shown, joined by commas.")]
On = Annotated[
    str | None, typer.Option(metavar="PROMPT", help="One prompt alone: its name, or its index.  [default: all]")
]
Picture = Annotated[Path | None, typer.Option(help="Draw it, too: a .png, .svg or .pdf file.")]
Temperature = Annotated[
    str, typer.Option(metavar="NUMBER", help="Weight of the KL divergence from the uniform policy.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        emit(f"ualign-env {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def sizes_in(text: str) -> list[int]:
    """Returns the different k of a list such as `1,2,4`, in order."""
    return sorted({_checks.number_of_outputs(_checks.integer("k", part)) for part in text.split(",")})


def prompt_in(text: str, scenario: Scenario) -> int | str:
    """Returns the name of a prompt, or its index."""
    return _checks.integer("prompt", text) if text.isdecimal() and text not in scenario.prompts else text


def load(spec: str, beside: bool, on: str | None = None) -> Scenario:
    """Returns a scenario, or one of its prompts; tells its notes beside the result, where this does not hold them."""
    loaded = specs.load_scenario(spec)
    if on is not None:
        loaded = loaded.alone(specs.one_prompt(loaded, prompt_in(on, loaded))[1])
    for one in loaded.notes if beside else ():
        note(f"note: {one}")
    return loaded


def tell(as_json: bool, text: str) -> None:
    """Says where something went, beside the result or, where that is JSON, apart from it."""
    (note if as_json else emit)(text)


def check_picture(path: Path) -> None:
    """Raises an error unless a picture can be written to a path."""
    from ualign_env import plots

    plots.check_path(path)


def draw(name: str, result: Any, path: Path, as_json: bool, of: str = "") -> None:
    """Draws a result, and says where, and of what where that is not all."""
    from ualign_env import plots

    plots.save(getattr(plots, name)(result), path)
    tell(as_json, f"picture: {path}{of}")
