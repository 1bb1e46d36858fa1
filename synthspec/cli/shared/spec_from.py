"""`new --from`: what a spec is to be made from, told by its name; and the files of that spec."""

from __future__ import annotations

from pathlib import Path

from synthspec.diagnostics import Diagnostic
from synthspec.profiling.files import files_of
from synthspec.profiling.profile import profile_sample
from synthspec.profiling.sample import SampleFault, sample_of
from synthspec.profiling.tried import propose_and_try
from synthspec.sources import TableFault, is_readable, read_table, readable


def files_from(origin: str, name: str) -> dict[Path, bytes]:
    """The spec of a file, with the rows it reads, as paths below the spec's folder.

    Raises:
        SynthspecError: nothing can be made of it; the message says why.
    """
    path = Path(origin)
    suffix = path.suffix.lower()
    if not is_readable(suffix):
        kinds = ", ".join(readable())
        raise SampleFault(f"a spec cannot be made from '{origin}'", f"name a file that ends with one of {kinds}")
    try:
        sample = sample_of(read_table(path), path.name)
    except TableFault as e:
        raise SampleFault(f"'{origin}' cannot be read: {e.message}", e.help) from None
    except SampleFault as e:
        raise SampleFault(f"'{origin}': {e.message}", e.help) from None
    return files_of(propose_and_try(profile_sample(sample), name, _compile))


def _compile(spec: Path) -> tuple[Diagnostic, ...]:
    from synthspec.compiler import compile_spec

    return compile_spec(spec).diagnostics
