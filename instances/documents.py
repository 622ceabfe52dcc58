"""JSON and TOML files: every fault of a file becomes one sentence, and a file is either whole or not there."""

from __future__ import annotations

import gzip
import json
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from mecbench.problems.errors import InputError

__all__ = ["MOST_BYTES", "read_document", "read_toml", "write_document"]

MOST_BYTES = 128 * 2**20  # of text; more is no instance but an accident, and would need gigabytes to parse


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON object from a ``.json`` or ``.json.gz`` file.

    Raises
    ------
    InputError
        If there is no such file, it is cut short, too large, nested too deeply or not a JSON object.
    """
    text = _read_text(path)
    try:
        document = json.loads(text)
    except RecursionError:
        raise InputError(f"{path}: expected a JSON object, found one nested too deeply to read") from None
    except json.JSONDecodeError as error:
        place = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise InputError(f"{path}: expected a JSON object, found text that is cut short or damaged ({place})") from None
    except ValueError as error:  # digits beyond Python's limit
        raise InputError(f"{path}: expected a JSON object, found a number that cannot be read ({error})") from None
    except MemoryError:
        raise InputError(f"{path}: expected a JSON object, found one too large for this machine's memory") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected a JSON object, found {_kind(document)}")
    return document


def _read_text(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file, found none") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a file, found a folder") from None
    except NotADirectoryError:
        raise InputError(f"{path}: expected a file, found a path below a file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: expected a gzip file, found one that is cut short or damaged ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, found one that is not ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{path}: expected at most {MOST_BYTES / 2**20:.0f} MiB of text, found more")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text, found byte {content[error.start]:#04x} at position {error.start}") from None


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a truth value"}
    return names.get(type(value), "null")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        If there is no such file or it is not TOML.
    """
    text = _read_text(path)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected a TOML file, found text that is not ({error})") from None


def write_document(document: dict[str, Any], path: Path) -> None:
    """Write a JSON object to a ``.json`` or ``.json.gz`` file: a line per field, whole or not at all.

    Raises
    ------
    InputError
        If the path does not end so or cannot be written.
    """
    if not path.name.endswith((".json", ".json.gz")):
        raise InputError(f"{path}: expected a name that ends in .json or .json.gz, found {path.name!r}")
    content = _layout(document).encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)  # the same content gives the same file
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        file = next((parent for parent in path.parents if parent.exists()), path)
        raise InputError(f"{path}: expected a folder {file}, found a file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a file, found a folder") from None
    except OSError as error:
        raise InputError(f"{path}: expected a place to write to, found none ({error.strerror})") from None


def _layout(value: Any, depth: int = 2, margin: str = "") -> str:
    """JSON with the outer fields on lines of their own and everything deeper on one line."""
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, allow_nan=False)
    inner = margin + " "
    fields = [f"{inner}{json.dumps(key)}: {_layout(item, depth - 1, inner)}" for key, item in value.items()]
    return "{\n" + ",\n".join(fields) + f"\n{margin}}}" + ("\n" if not margin else "")
