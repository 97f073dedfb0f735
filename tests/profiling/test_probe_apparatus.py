"""The kernels that probes are made with, as far as no GPU is needed: they compile, and blocks fill an SM."""

import shutil
import subprocess
from dataclasses import replace

import pytest

from launchlens.profiling.probes.apparatus import bare_kernel, hold
from launchlens.profiling.probes.apparatus.raw_kernel import Device

H200 = Device("sm_90", 132, 2048, 1024, 32)


def test_a_filling_block_leaves_no_thread_of_an_sm_free():
    ampere = replace(H200, threads_per_sm=1536)
    assert (H200.filling_block, H200.filling_blocks_per_sm) == (1024, 2)
    assert (ampere.filling_block, ampere.filling_blocks_per_sm) == (768, 2)


SOURCES = {
    "hold": (hold.SOURCE, {"THREADS": 1024, "BLOCKS_PER_SM": 2}),
    "bare_copy": (bare_kernel.SOURCE, {"THREADS": 128}),
}


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc here")
@pytest.mark.parametrize("name", SOURCES)
def test_the_kernels_compile(tmp_path, name):
    source, defines = SOURCES[name]
    (tmp_path / "probe.cu").write_text(source)
    options = [f"-D{key}={value}" for key, value in defines.items()]
    command = [
        "nvcc",
        "-std=c++17",
        "-arch=sm_90",
        "-cubin",
        "-Werror",
        "all-warnings",
        *options,
        "-o",
        "out",
        "probe.cu",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert name.encode() in (tmp_path / "out").read_bytes()
