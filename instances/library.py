"""The library of instance files, by name.

``data/<problem>/<size>/<name>.json`` (``.json.gz`` when large) are the instances, ``data/<problem>/best-known`` and
``data/<problem>/schema`` belong to them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mecbench.instances.best import DATA, BestKnown, Provenance, best_known, save_best_known
from mecbench.instances.files import StoredInstance, load_instance
from mecbench.instances.generation import Reference
from mecbench.problems.errors import unknown

__all__ = ["DATA", "BestKnown", "Provenance", "best_known", "load", "names", "save_best_known"]

NOT_INSTANCES = ("best-known", "schema")


@lru_cache(maxsize=1)
def _paths() -> dict[str, Path]:
    """Files by name; no file is opened."""
    found = sorted(DATA.glob("*/*/*.json")) + sorted(DATA.glob("*/*/*.json.gz"))
    return {path.name.removesuffix(".gz").removesuffix(".json"): path for path in found if path.parent.name not in NOT_INSTANCES}


def names(problem: str | None = None) -> list[str]:
    """Names of the library's instances, of one problem or all."""
    return sorted(name for name, path in _paths().items() if problem in (None, path.parent.parent.name))


def load(name_or_path: str | Path) -> StoredInstance:
    """Instance by its name in the library, by its file, or by a reference to generate it.

    Parameters
    ----------
    name_or_path
        A name of `names`, a path of a ``.json`` or ``.json.gz`` file, or a reference as `Reference.parse` reads it.

    Raises
    ------
    InputError
        If there is no such instance, or its file or hash is not valid.
    """
    text = str(name_or_path)
    if text in _paths():
        return load_instance(_paths()[text])
    if isinstance(name_or_path, Path) or text.endswith((".json", ".json.gz")) or Path(text).exists():
        return load_instance(text)
    if ":" in text:
        return Reference.parse(text).generate()
    raise unknown("instance", text, names())
