"""Chinese for what is said of logs, files and installations.

Keys are the English templates, word for word.
"""

from typing import Final

CHECKS: Final[dict[str, str]] = {}
