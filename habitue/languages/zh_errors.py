"""Chinese for what is wrong and what to do about it.

Keys are the English templates, word for word.
"""

from typing import Final

ERRORS: Final[dict[str, str]] = {}
