"""Options of scenarios and files as flags: `score r.csv --user annotator` is `score r.csv/user:annotator`."""

from collections.abc import Sequence
from typing import Any

from ualign_env import _checks, _options, specs
from ualign_env.benchmark.suite import FOLDER
from ualign_env.readers.choose import reader_options

#: The parameters of commands that are scenarios.
SCENARIOS = ("scenario", "scenarios", "names")


def taken(args: list[str], params: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Returns the arguments that a command takes itself, and what the others are in specs.

    Args:
        args: all arguments.
        params: click's parameters of the command.

    Raises:
        ValueError: if an option is neither the command's nor one of its scenarios'.
    """
    own = {name for param in params for name in [*param.opts, *param.secondary_opts]}
    of_scenarios = any(param.name in SCENARIOS for param in params)
    strange = of_scenarios and any(arg.startswith("--") and arg.partition("=")[0] not in own for arg in args)
    known = specs.source_options() | reader_options() | specs.PARTS if strange else {}
    rest, pairs = [], []
    given = iter(args)
    for arg in given:
        if arg == "--":
            rest += [arg, *given]
            break
        flag, equals, value = arg.partition("=")
        key = flag.removeprefix("--")
        if flag in own or not flag.startswith("--"):
            rest.append(arg)
            continue
        if key not in known:
            near = _checks.nearest(flag, [*sorted(own), *(f"--{name}" for name in known)])
            raise ValueError(f"No such option: {flag}{'' if near is None else f'; did you mean {near}?'}")
        if not equals:
            value = "true" if isinstance(known[key], bool) else next(given, None)
            if value is None:
                raise ValueError(f"{flag} needs a value")
        text = value.replace("%", "%25").replace("/", "%2F")
        pairs.append(f"{key}:{text or _options.EMPTY}")
    return rest, pairs


def put(params: dict[str, Any], pairs: list[str]) -> None:
    """Adds options to the scenarios among a command's parameters, or to the folder of files that is its suite."""
    if (suite := params.get("suite")) and suite.startswith(FOLDER):
        params["suite"] = "/".join([suite, *pairs])
        return
    for name in SCENARIOS:
        given = params.get(name, ())
        if isinstance(given, str):
            params[name] = "/".join([given, *pairs])
        elif name in params:
            params[name] = ["/".join([one, *pairs]) for one in given or [specs.DEFAULT]]
