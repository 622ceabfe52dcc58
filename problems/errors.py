"""Bad input: one clear sentence for the user, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import ValidationError

__all__ = ["InputError", "explain", "unknown"]


class InputError(ValueError):
    """Input that a user can mend; its message is one sentence naming file, field, expected and found.

    The command line prints the message and exits with code 2.
    """


def unknown(what: str, name: str, known: Iterable[str]) -> InputError:
    """Error for a name that does not exist, with the nearest names that do.

    Parameters
    ----------
    what
        What was being looked up, e.g. ``"problem"``.
    name
        The name that was given.
    known
        All names that exist.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:8]
    return InputError(f"unknown {what} {name!r}: the nearest {what} names are {', '.join(near) if near else '(none exist)'}")


def explain(error: ValidationError, source: str) -> InputError:
    """Turn the first finding of a validation into one sentence.

    Parameters
    ----------
    error
        What pydantic raised.
    source
        The file, or whatever else the data came from.
    """
    finding = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in finding["loc"])
    where = f"{source}: field {field}" if field else source
    message = finding["msg"].removeprefix("Value error, ")
    if finding["type"] == "missing":
        message = "expected a value, found none"
    elif finding["type"] == "extra_forbidden":
        message = "expected no such field, found one"
    elif "found" not in message:
        found = repr(finding.get("input"))
        message = f"{message[0].lower()}{message[1:]}, found {found if len(found) <= 60 else found[:57] + '...'}"
    more = error.error_count() - 1
    return InputError(f"{where}: {message}" + (f" (and {more} more)" if more else ""))
