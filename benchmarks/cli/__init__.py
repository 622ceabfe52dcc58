"""The command line: ``mecbench VERB``. Bad input is one sentence and exit code 2, Ctrl-C is 130.

Each verb imports what it needs when it runs, so that ``mecbench --help`` answers at once.
"""

from mecbench.benchmarks.cli.app import app, main

__all__ = ["app", "main"]
