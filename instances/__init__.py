"""The library of shared instance files: instances, suites, best known values and their bounds."""

from mecbench.instances.best import BestKnown, Provenance
from mecbench.instances.files import (
    Generator,
    StoredInstance,
    load_certificate,
    load_instance,
    load_solution,
    save_certificate,
    save_instance,
    save_solution,
    schema,
)
from mecbench.instances.generation import generate
from mecbench.instances.library import best_known, load, names
from mecbench.instances.suites import Suite, load_suite, suite_names

__all__ = [
    "BestKnown",
    "Generator",
    "Provenance",
    "StoredInstance",
    "Suite",
    "best_known",
    "generate",
    "load",
    "load_certificate",
    "load_instance",
    "load_solution",
    "load_suite",
    "names",
    "save_certificate",
    "save_instance",
    "save_solution",
    "schema",
    "suite_names",
]
