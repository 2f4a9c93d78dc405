"""The command line: one command a `Workspace` verb, no logic.

Every verb prints readable tables, or with `--json` exactly one JSON document on stdout; progress,
warnings and messages go to stderr. Exit code 0: done; 1: failed; 2: refused, with the reason and
the fix. Heavy imports happen inside the verbs, so that `--help` answers at once.
"""

from habitue.cli.run import main
from habitue.cli.verbs import app

__all__ = ["app", "main"]
