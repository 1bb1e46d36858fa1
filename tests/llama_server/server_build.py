"""Builds llama.cpp's `llama-server` from the `llama-cpp-python` source distribution, once; kept for later runs.

    python tests/llama_server/server_build.py        # prints the path of the program

It lies in the user's cache folder (or LLAMA_SERVER names one that is there already). Takes some minutes the first
time; needs cmake and a C++ compiler.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "llama-cpp-python>=0.3.16,<0.4"
# Static, for this machine's CPU alone, without what the tests do not use: the web page, TLS, downloads.
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=ON",
    "-DLLAMA_BUILD_WEBUI=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
)


class CannotBuildError(Exception):
    """There is no server and none can be built; says why, for a skipped test."""


def find_server(build: bool = True) -> Path:
    """The program, built where there is none.

    Raises:
        CannotBuildError: no compiler, no source to be had, or the build failed.
    """
    if named := os.environ.get("LLAMA_SERVER"):
        return Path(named)
    kept = cache_folder() / ("llama-server" + (".exe" if os.name == "nt" else ""))
    if kept.is_file():
        return kept
    if not build:
        raise CannotBuildError(f"llama-server is not built; `python {__file__}` does that")
    if shutil.which("cmake") is None or not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        raise CannotBuildError("llama-server needs cmake and a C++ compiler, which are not here")
    with _alone(kept), tempfile.TemporaryDirectory() as work:
        if kept.is_file():  # another process of the tests has built it meanwhile
            return kept
        made = _compile(_unpack(_download(Path(work))), Path(work) / "out")
        shutil.copy2(made, kept.with_suffix(".new"))
        kept.with_suffix(".new").replace(kept)
    return kept


@contextlib.contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """One build at a time: it takes all processors for some minutes."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        if os.name == "posix":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cache_folder() -> Path:
    """Where the program is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or ("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
    return Path(base).expanduser() / "synthspec" / "llama-server"


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps", "-d", str(folder)]
    _run([*command, PACKAGE], "the source could not be fetched")
    return next(folder.glob("llama_cpp_python-*.tar.gz"))


def _unpack(archive: Path) -> Path:
    with tarfile.open(archive) as tar:
        wanted = [m for m in tar.getmembers() if "/vendor/llama.cpp/" in m.name and "/.git" not in m.name]
        tar.extractall(archive.parent, wanted, filter="data")
    return next(archive.parent.glob("llama_cpp_python-*/vendor/llama.cpp"))


def _compile(source: Path, out: Path) -> Path:
    _run(["cmake", "-S", str(source), "-B", str(out), *OPTIONS], "cmake refused the source")
    jobs = str(os.cpu_count() or 1)
    build = ["cmake", "--build", str(out), "--config", "Release", "--target", "llama-server", "-j", jobs]
    _run(build, "the build failed")
    return next(p for p in out.rglob("llama-server*") if p.is_file() and os.access(p, os.X_OK))


def _run(command: list[str], fault: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuildError(f"{fault}: {(done.stderr or done.stdout).strip()[-600:]}")


if __name__ == "__main__":
    try:
        print(find_server())
    except CannotBuildError as e:
        sys.exit(str(e))
