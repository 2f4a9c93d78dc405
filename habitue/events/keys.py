"""Stable 64-bit hashes of texts, numbers and whole rows, a column at a time.

In go columns, out come unsigned 64-bit integers that are the same in every process, on every
machine and with every library version: they are stored (an event's key, a person's bucket), so
Python's and Polars' own hashes, which promise none of that, will not do. Not meant to withstand
someone who forges collisions. Knows nothing about files or what a column means.

Texts are read eight bytes at a time; each word is stirred in with the finaliser of SplitMix64
(Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
"""

import hashlib
import sys
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Longer texts are hashed one by one: the loop below runs once a word of the longest text.
_MAX_VECTORISED_BYTES = 512
# Where fewer than one text in so many is new, each distinct one is hashed once.
_FEW_WORDS = 16


def mixed(values: Hashes) -> Hashes:
    """Return each value stirred so that every bit depends on all bits (a bijection)."""
    out = values + np.uint64(0x9E3779B97F4A7C15)
    out ^= out >> np.uint64(30)
    out *= np.uint64(0xBF58476D1CE4E5B9)
    out ^= out >> np.uint64(27)
    out *= np.uint64(0x94D049BB133111EB)
    out ^= out >> np.uint64(31)
    return out


def column_hashes(column: pl.Series) -> Hashes:
    """Return one hash a value of a text, integer, float or boolean column; a null gives 0."""
    if column.dtype == pl.Null:
        return np.zeros(len(column), dtype=np.uint64)
    if column.dtype.is_float():
        # Adding 0 turns -0.0 into 0.0: equal numbers must have equal hashes. (Polars leaves out
        # an addition of 0, NumPy does not.)
        bits = (column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0).view(np.uint64)
        hashes = mixed(bits)
    elif column.dtype.is_integer() or column.dtype == pl.Boolean:
        wide = column if column.dtype == pl.UInt64 else column.cast(pl.Int64)
        hashes = mixed(wide.fill_null(0).to_numpy().view(np.uint64))
    else:
        hashes = _word_hashes(column.cast(pl.String))
    if column.null_count():
        hashes[column.is_null().to_numpy()] = 0
    return hashes


def share_of_row(name: str, column: pl.Series) -> Hashes:
    """Return what a column adds to the hashes of its rows; a null adds 0."""
    shares = mixed(column_hashes(column) ^ _seed(name))
    if column.null_count():
        shares[column.is_null().to_numpy()] = 0
    return shares


def row_hashes(
    frame: pl.DataFrame,
    columns: Iterable[str],
    shares_of: Callable[[str, pl.Series], Hashes] = share_of_row,
) -> Hashes:
    """Return one hash a row over `columns`, whatever their order.

    A column that is absent counts like a null, and nulls add nothing: mapping one more column
    that is empty does not change the hash. `shares_of` gives what `share_of_row` does, and may
    know it already.
    """
    total = np.zeros(frame.height, dtype=np.uint64)
    for name in columns:
        if name in frame.columns and frame[name].null_count() < frame.height:
            total += shares_of(name, frame[name])
    return mixed(total)


def bucket_numbers(subject_ids: pl.Series, num_buckets: int) -> pl.Series:
    """Return the bucket of each subject."""
    hashes = mixed(subject_ids.cast(pl.Int64).to_numpy().view(np.uint64))
    return pl.Series("bucket", (hashes % np.uint64(num_buckets)).astype(np.int32))


def hash_sum(hashes: Hashes) -> int:
    """Return the sum modulo 2^64: a digest of a set of rows that does not know their order."""
    return int(hashes.sum(dtype=np.uint64))


def _seed(name: str) -> np.uint64:
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _word_hashes(texts: pl.Series) -> Hashes:
    """Return the texts' hashes; those of a column of few words are looked up."""
    num_words = texts.to_frame("text").select(pl.col("text").approx_n_unique()).item()
    if num_words * _FEW_WORDS > len(texts):
        return _text_hashes(texts)
    # Categories of their own are forgotten with the column.
    coded = texts.cast(pl.Categorical(pl.Categories.random()))
    words = coded.drop_nulls().unique()
    codes: NDArray[np.uint32] = coded.to_physical().fill_null(0).to_numpy()
    numbers: NDArray[np.uint32] = words.to_physical().to_numpy()
    hashes = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.uint64)
    hashes[numbers] = _text_hashes(words.cast(pl.String))
    return hashes[codes]


def _text_hashes(texts: pl.Series) -> Hashes:
    starts, lengths, words = _bytes_of(texts)
    hashes = mixed(lengths.astype(np.uint64))
    rows = np.flatnonzero((lengths > 0) & (lengths <= _MAX_VECTORISED_BYTES))
    at = 0
    while rows.size:
        left = lengths[rows] - at
        word = words[starts[rows] + at]
        # The last word of a text runs into its neighbour; keep only its own bytes.
        spare_bits = (8 * (8 - np.minimum(left, 8))).astype(np.uint64)
        word = (word << spare_bits) >> spare_bits
        hashes[rows] = mixed(hashes[rows] ^ word)
        rows = rows[left > 8]
        at += 8
    for row in np.flatnonzero(lengths > _MAX_VECTORISED_BYTES):
        digest = hashlib.blake2b(str(texts[int(row)]).encode(), digest_size=8).digest()
        hashes[row] = int.from_bytes(digest, "little")
    return hashes


def _bytes_of(texts: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.int64], Hashes]:
    """Return each text's first byte and length, and the 8-byte word that begins at each byte."""
    array = texts.fill_null("").to_arrow()
    offset_type = np.int64 if str(array.type).startswith("large") else np.int32
    _, offsets_buffer, bytes_buffer = array.buffers()
    all_offsets = np.frombuffer(offsets_buffer, dtype=offset_type)
    offsets = all_offsets[array.offset : array.offset + len(array) + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(last - first + 8, dtype=np.uint8)
    if last > first:
        padded[:-8] = np.frombuffer(bytes_buffer, dtype=np.uint8)[first:last]
    words: Hashes = np.ndarray((padded.size - 7,), dtype="<u8", buffer=padded.data, strides=(1,))
    if sys.byteorder == "big":
        words = words.astype(np.uint64)
    starts: NDArray[np.int64] = offsets[:-1] - first
    lengths: NDArray[np.int64] = np.diff(offsets)
    return starts, lengths, words
