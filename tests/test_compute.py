import os
import subprocess
import sys

import pytest

from habitue.compute import wait_politely


def test_threads_sleep_while_they_wait_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    wait_politely()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    wait_politely()
    assert os.environ["OMP_WAIT_POLICY"] == "active"


def test_the_network_waits_politely_before_its_library_is_loaded() -> None:
    told = (
        "import os, sys; import habitue.model;"
        "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.split() == ["passive", "False"]
