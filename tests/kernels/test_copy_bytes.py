"""How one copy is cut into words and shared by threads: the very source that the GPU runs, played on the CPU."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.kernels.small_copies import nvrtc

SOURCES = Path(nvrtc.__file__).parent
COMPILER = shutil.which("c++")
NVCC = shutil.which("nvcc")

PLAYED = """
#include "copy_bytes.cuh"
extern "C" void play(void* destination, const void* source, unsigned long long bytes, unsigned long long threads) {
    // from the last thread to the first: no thread may depend on another
    for (unsigned long long thread = threads; thread-- > 0;)
        launchlens::copy_bytes(destination, source, bytes, thread, threads);
}
"""


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    if COMPILER is None:
        pytest.skip("needs a C++ compiler")
    folder = tmp_path_factory.mktemp("played")
    (folder / "play.cpp").write_text(PLAYED)
    # the sanitizer ends the process at a misaligned word
    command = [COMPILER, "-std=c++17", "-O1", "-Wall", "-Werror", "-fno-strict-aliasing", "-shared", "-fPIC"]
    command += ["-fsanitize=alignment", "-fsanitize-undefined-trap-on-error"]
    subprocess.run([*command, f"-I{SOURCES}", str(folder / "play.cpp"), "-o", str(folder / "play.so")], check=True)
    function = ctypes.CDLL(str(folder / "play.so")).play
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulonglong, ctypes.c_ulonglong]
    return function


def aligned(size):
    """A buffer of `size` bytes and its first address that is a multiple of 16."""
    buffer = ctypes.create_string_buffer(size + 16)
    return buffer, -(-ctypes.addressof(buffer) // 16) * 16


@given(
    content=st.binary(max_size=200),
    to=st.integers(0, 15),
    source_at=st.integers(0, 15),
    threads=st.integers(1, 70),
)
def test_every_byte_and_none_beside(play, content, to, source_at, threads):
    size = len(content)
    _source, from_address = aligned(size + 16)
    destination, to_address = aligned(size + 48)
    ctypes.memmove(from_address + source_at, content, size)
    ctypes.memset(destination, 0xA5, len(destination))
    play(to_address + 16 + to, from_address + source_at, size, threads)
    written = ctypes.string_at(to_address, size + 48)
    begin = 16 + to
    assert written == b"\xa5" * begin + content + b"\xa5" * (len(written) - begin - size)


@pytest.mark.parametrize("count", [1, 7, 64])
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_the_kernel_for_nvrtc_compiles(count, architecture, tmp_path):
    path = tmp_path / "kernel.cu"
    path.write_text(nvrtc.source_of(count))
    command = [NVCC, f"-arch={architecture}", "-Werror", "all-warnings", "-cubin", str(path), "-o", "kernel.cubin"]
    answer = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_the_batched_kernel_compiles_and_indexes_its_argument_in_place(architecture, tmp_path):
    command = [NVCC, "-std=c++17", "-O3", f"-arch={architecture}", "-ptx", str(SOURCES / "batched.cu"), "-o", "b.ptx"]
    answer = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    text = (tmp_path / "b.ptx").read_text()
    assert text.count(".visible .entry") == 4
    assert ".local" not in text, "the struct of pointers was copied to local memory"
    assert text.count("ld.global.v4.u32") >= 4 and text.count("st.global.v4.u32") >= 4, "no 16-byte access"
