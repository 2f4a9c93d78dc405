"""Outside ids: texts that tell nothing of the numbers they stand for.

A number below 2^60 is stirred by a bijection of its kind, so that equal texts mean equal numbers
and neighbours look like strangers; twelve digits of base 32 follow a letter for the kind.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from habitue.simulation.arrays import Bools, Ints

USER, ANONYMOUS, VISIT, EVENT, ORDER = "u", "a", "s", "e", "o"
_DIGITS: Final = np.frombuffer(b"0123456789abcdefghjkmnpqrstvwxyz", dtype=np.uint8)
_NUM_DIGITS: Final = 12
_BITS: Final = np.uint64(60)
_MASK: Final = np.uint64((1 << 60) - 1)
_FACTORS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))  # odd
_SHIFTS: Final = (np.uint64(31), np.uint64(27))


def id_texts(numbers: Ints, kind: str, seed: int) -> pa.StringArray:
    """Return the outside ids of numbers of a kind; of -1, null."""
    none: Bools = numbers < 0
    stirred = _stirred(numbers.astype(np.uint64), kind, seed)
    width = 1 + _NUM_DIGITS
    texts = np.empty((numbers.size, width), dtype=np.uint8)
    texts[:, 0] = ord(kind)
    for digit in range(_NUM_DIGITS):
        texts[:, width - 1 - digit] = _DIGITS[
            (stirred >> np.uint64(5 * digit)).astype(np.uint8) & 31
        ]
    offsets = np.arange(0, width * (numbers.size + 1), width, dtype=np.int32)
    valid = pa.py_buffer(np.packbits(~none, bitorder="little")) if none.any() else None
    return pa.StringArray.from_buffers(
        numbers.size, pa.py_buffer(offsets), pa.py_buffer(texts), valid, int(none.sum())
    )


def _stirred(values: np.ndarray, kind: str, seed: int) -> np.ndarray:
    salt = np.uint64((seed * 31 + ord(kind)) * 0xD1B54A32D192ED03 & int(_MASK))
    for factor, shift in zip(_FACTORS, _SHIFTS, strict=True):
        values = (values + salt) & _MASK
        values ^= values >> shift
        values = (values * factor) & _MASK
        values ^= values >> shift
    return values
