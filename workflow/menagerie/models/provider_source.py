"""What a provider says of where its weights are, without importing its package and torch in this process.

Command::

    python -m menagerie.models.provider_source timm resnet18.a1_in1k
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from menagerie.files.storage import atomic
from menagerie.models.registry import ModelSpec
from menagerie.provenance.code import versions

# Provider -> distribution whose version decides what it says; the others know no weights.
_DISTRIBUTIONS = {
    "open_clip": "open-clip-torch",
    "timm": "timm",
    "torchvision": "torchvision",
    "transformers": "transformers",
}
_TIMEOUT = 120.0  # seconds; importing torch takes a few


def provider_source(spec: ModelSpec, cache: str | Path) -> str:
    """The source that a provider names for a spec; a process of its own asks it, once a version of its package.

    Empty where the package is not installed here or knows no weights: the job that fetches them says so.

    Parameters
    ----------
    spec
        Its provider and builder count.
    cache
        JSON file that remembers the answers.
    """
    if spec.provider not in _DISTRIBUTIONS:
        return ""
    cache = Path(cache)
    key = " ".join([spec.provider, spec.builder, *versions([_DISTRIBUTIONS[spec.provider]]).values()])
    known = _read(cache)
    if key not in known:
        answer = _ask(spec)
        if not answer:
            return ""
        with atomic(cache) as temporary:
            text = json.dumps(_read(cache) | {key: answer}, indent=1, sort_keys=True)
            temporary.write_text(text + "\n", encoding="utf-8")
        return answer
    return str(known[key])


def _read(cache: Path) -> dict:
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _ask(spec: ModelSpec) -> str:
    command = [sys.executable, "-m", "menagerie.models.provider_source", spec.provider, spec.builder]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    try:
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip().rpartition("\n")[2] if answer.returncode == 0 else ""


def _print_source(name: str, builder: str) -> None:
    from menagerie.models.providers import provider

    print(provider(name).source(ModelSpec(id=builder, provider=name, builder=builder, weights="provider")))


if __name__ == "__main__":
    _print_source(*sys.argv[1:])
