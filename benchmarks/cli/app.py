"""All verbs put together, and the end of every error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from mecbench.benchmarks.cli import browse, check, compare, generate, results, run, solve, train, verify

__all__ = ["app", "main"]

app = typer.Typer(
    name="mecbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Start with: mecbench run quick --out results",
)
for part in (browse, generate, solve, verify, train, run, check, compare, results):
    app.registered_commands += part.verbs.registered_commands


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"mecbench {version('mecbench')}")
        raise typer.Exit


@app.callback()
def _mecbench(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    """Certified benchmarks of collaborative inference at the mobile edge: exact solvers and learned agents on the same instances."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        Words after ``mecbench``; those of the process by default.

    Returns
    -------
    int
        0; 1 if what was asked for turned out bad (an infeasible solution, a failed run); 2 for bad input, named in one
        sentence on stderr; 130 after Ctrl-C.
    """
    try:
        code = app(args=arguments, prog_name="mecbench", standalone_mode=False)
    except KeyboardInterrupt:
        code = 130
    except TyperException as error:
        sentence = error.format_message().replace("Value error, ", "").rstrip(".")
        if not sentence:  # no words at all: the help was shown
            return 2
        return _refuse(f"{sentence} (mecbench --help lists commands, mecbench COMMAND --help their options)")
    except Exception as error:
        from mecbench.problems.errors import InputError

        if not isinstance(error, InputError):
            raise
        return _refuse(str(error))
    if code == 130:
        print("interrupted", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _refuse(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
