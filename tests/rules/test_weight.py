"""What a front is made of: modules that weigh much are loaded where they are needed, not with everything else."""

import subprocess
import sys

import pytest

HEAVY = {
    "ctypes": "half a megabyte; workers alone need it",
    "headworks.edge.ws": "2 MB with its library; for the first WebSocket",
    "headworks.assembly.outside": "2 MB; where a provider is configured",
    "importlib.resources": "a megabyte, with temporary files and archives",
    "multipart": "a megabyte; for the first form",
    "numpy": "a front knows no arrays",
}
SAY = "import headworks.cli.serve, sys; print('\\n'.join(sys.modules))"


@pytest.fixture(scope="module")
def loaded():
    said = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_a_front_does_not_load(loaded, module):
    assert "headworks.app" in loaded
    assert module not in loaded, HEAVY[module]
