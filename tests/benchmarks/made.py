"""Small benchmark files whose right answers are known by construction."""

import gzip
import json
from pathlib import Path

import numpy as np

RING = 12  # items of the made shop; each is followed by the next one around


def ring_lines(num_users: int = 60, seed: int = 0) -> list[str]:
    """Users who walk around a ring of items, one step at a time: the next item is certain."""
    rng = np.random.default_rng(seed)
    lines = []
    for user in range(num_users):
        first = int(rng.integers(RING))
        walk = [f"i{(first + step) % RING}" for step in range(int(rng.integers(5, 9)))]
        lines.append(" ".join([f"u{user}", *walk]))
    return lines


def write_ring(path: Path, num_users: int = 60) -> Path:
    """Write the walks, packed where the name says so."""
    content = ("\n".join(ring_lines(num_users)) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_sessions(folder: Path, num_sessions: int = 80) -> Path:
    """Write sessions around the ring, and their first half as test examples."""
    folder.mkdir(parents=True, exist_ok=True)
    walks = [line.split()[1:] for line in ring_lines(num_sessions)]
    train = "".join(json.dumps(walk) + "\n" for walk in walks)
    examples = [{"seq": walk[:-1], "label": walk[-1]} for walk in walks[: num_sessions // 2]]
    test = "".join(json.dumps(example) + "\n" for example in examples)
    (folder / "train_sessions.jsonl").write_text(train)
    (folder / "test_examples.jsonl").write_text(test)
    return folder
