from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.instances import documents
from mecbench.instances.documents import read_document, write_document

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(content=st.dictionaries(st.text(max_size=5), values, max_size=4), suffix=st.sampled_from([".json", ".json.gz"]))
def test_what_is_written_is_read(content: dict[str, Any], suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any JSON object survives, whichever way the lines are laid out."""
    path = tmp_path_factory.mktemp("documents") / f"x{suffix}"
    write_document(content, path)
    assert repr(read_document(path)) == repr(content)


def test_fields_have_lines_of_their_own(as_file: Path) -> None:
    """People read these files and compare them line by line."""
    write_document({"a": 1, "data": {"x": [1, 2], "y": {"z": {}}}}, as_file)
    assert as_file.read_text() == '{\n "a": 1,\n "data": {\n  "x": [1, 2],\n  "y": {"z": {}}\n }\n}\n'


def test_compressed_files_hold_no_time(tmp_path: Path) -> None:
    """The same content gives the same file, today and tomorrow."""
    write_document({"a": 1}, tmp_path / "x.json.gz")
    assert (tmp_path / "x.json.gz").read_bytes()[4:8] == bytes(4)


def test_a_failed_write_leaves_the_old_file(as_file: Path, monkeypatch: pytest.MonkeyPatch, complaint: Callable[..., str]) -> None:
    """A full disk in the middle of a write costs the new file, not the old one, and leaves no debris."""
    write_document({"a": 1}, as_file)

    def no_space(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", no_space)
    sentence = complaint(write_document, {"a": 2}, as_file)
    assert sentence == f"{as_file}: expected a place to write to, found none (No space left on device)"
    assert read_document(as_file) == {"a": 1}
    assert list(as_file.parent.iterdir()) == [as_file]


def test_folders_are_made(tmp_path: Path) -> None:
    """Whoever names a new folder wants it."""
    write_document({}, tmp_path / "new" / "folder" / "x.json")
    assert read_document(tmp_path / "new" / "folder" / "x.json") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": [1, 2', "expected a JSON object, found text that is cut short or damaged (Expecting ',' delimiter at line 1 column 12)"),
        (b"", "expected a JSON object, found text that is cut short or damaged (Expecting value at line 1 column 1)"),
        (b"[1]", "expected a JSON object, found a list"),
        (b"3.5", "expected a JSON object, found a number"),
        (b"true", "expected a JSON object, found a truth value"),
        (b"null", "expected a JSON object, found null"),
        (b'"text"', "expected a JSON object, found a text"),
        (b'{"a": "\xff"}', "expected UTF-8 text, found byte 0xff at position 7"),
        (b"[" * 100_000 + b"]" * 100_000, "expected a JSON object, found one nested too deeply to read"),
        (b'{"a":' * 100_000, "expected a JSON object, found one nested too deeply to read"),
        (b'{"a": ' + b"9" * 5000 + b"}", "expected a JSON object, found a number that cannot be read"),
    ],
    ids=["truncated", "empty", "list", "number", "boolean", "null", "text", "bytes", "deep-lists", "deep-objects", "digits"],
)
def test_damaged_content(content: bytes, message: str, as_file: Path, complaint: Callable[..., str]) -> None:
    """Whatever a file holds, the user reads one sentence that names the file and what was found."""
    as_file.write_bytes(content)
    assert complaint(read_document, as_file).startswith(f"{as_file}: {message}")


@pytest.mark.parametrize("keep", [5, 15, 40, -9, -1])
def test_gzip_cut_short(keep: int, tmp_path: Path, complaint: Callable[..., str]) -> None:
    """An interrupted download is recognised wherever it stopped."""
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"numbers": list(range(1000))}).encode())[:keep])
    assert complaint(read_document, path).startswith(f"{path}: expected a gzip file, found one that is cut short or damaged (")


def test_gzip_that_is_none(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """Plain text under a compressed name is named as such."""
    path = tmp_path / "x.json.gz"
    path.write_text("{}")
    assert complaint(read_document, path) == (
        f"{path}: expected a gzip file, found one that is cut short or damaged (Not a gzipped file (b'{{}}'))"
    )


def test_gzip_with_damaged_middle(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """A flipped bit is found by the stream itself or by its checksum."""
    path = tmp_path / "x.json.gz"
    content = bytearray(gzip.compress(json.dumps({"numbers": list(range(1000))}).encode()))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert complaint(read_document, path).startswith(f"{path}: expected a gzip file, found one that is cut short or damaged (")


def test_files_beyond_all_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: Callable[..., str]) -> None:
    """A kilobyte that unpacks to gigabytes is refused before it fills the memory."""
    monkeypatch.setattr(documents, "MOST_BYTES", 2**20)
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b" " * 2**21))
    assert complaint(read_document, path) == f"{path}: expected at most 1 MiB of text, found more"


def test_no_file(as_file: Path, complaint: Callable[..., str]) -> None:
    """A path that leads nowhere."""
    assert complaint(read_document, as_file) == f"{as_file}: expected a file, found none"


def test_folder_instead_of_a_file(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """A folder is neither read nor overwritten."""
    folder = tmp_path / "x.json"
    folder.mkdir()
    assert complaint(read_document, folder) == f"{folder}: expected a file, found a folder"
    assert complaint(write_document, {}, folder) == f"{folder}: expected a file, found a folder"


def test_path_below_a_file(as_file: Path, complaint: Callable[..., str]) -> None:
    """``--out x.json/foo.json`` where x.json is a file."""
    as_file.write_text("{}")
    below = as_file / "deeper" / "foo.json"
    assert complaint(read_document, below) == f"{below}: expected a file, found a path below a file"
    assert complaint(write_document, {}, below) == f"{below}: expected a folder {as_file}, found a file"


def test_unreadable_file(as_file: Path, monkeypatch: pytest.MonkeyPatch, complaint: Callable[..., str]) -> None:
    """A file of somebody else's; the fault is made here, since a superuser may read anything."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert complaint(read_document, as_file) == f"{as_file}: expected a readable file, found one that is not (Permission denied)"


def test_other_endings_are_not_written(tmp_path: Path, complaint: Callable[..., str]) -> None:
    """A file must be found again by its ending."""
    path = tmp_path / "x.yaml"
    assert complaint(write_document, {}, path) == f"{path}: expected a name that ends in .json or .json.gz, found 'x.yaml'"
