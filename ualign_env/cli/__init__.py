"""The command line: `commands` says what each command does, `tables` how it is printed."""

import sys
import warnings
from typing import NoReturn

import typer


def main() -> None:
    """Runs the command line; bad input is one line on stderr and exit status 2, and so is each warning."""
    from ualign_env.cli.commands import app

    warnings.showwarning = lambda message, *_: typer.echo(f"ualign: warning: {message}", err=True)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except (ValueError, MemoryError, OverflowError) as error:
        _fail(str(error) or type(error).__name__)
    except Exception as error:
        message = getattr(error, "format_message", None)  # of wrong options and arguments
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(message())
            sys.exit(2)
        _fail(message())


def _fail(message: str) -> NoReturn:
    text = " ".join(message.split())
    print("ualign: error:", text if len(text) < 1000 else f"{text[:1000]}...", file=sys.stderr)  # noqa: T201
    sys.exit(2)
