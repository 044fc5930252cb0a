"""Pixels of every network that the four packages know weights for, against the packages' own transforms.

    PYTHONPATH=workflow python benchmarks/preprocessing.py [--out FOLDER] [--only timm ...] [--build]

Two photographs, 375 x 500 and square, go through our transform and the package's, once for each distinct pipeline; all
tags are counted. With ``--build`` each architecture is also built, without memory. Writes preprocessing.md: counts,
largest difference, and what is refused, with the reason. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import inspect
import json
import logging
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import open_clip
import timm
import torch
import torchvision
import transformers
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform, resolve_data_config
from torchvision.models import get_model_weights, list_models
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

from menagerie.errors import MenagerieError
from menagerie.models.build import build_module, model_transform
from menagerie.models.registry import inline_spec

PHOTOGRAPHS = (load_sample_image("flower.jpg")[20:395, 70:570], load_sample_image("china.jpg")[:400, 100:500])
Pixels = Callable[[Image.Image], torch.Tensor]


@dataclass(frozen=True)
class Tag:
    """A network with weights: its name in a config, a text that tells its pipeline, and its package's transform."""

    name: str
    pipeline: str
    pixels: Callable[[], Pixels]


@dataclass
class Found:
    """Counts of one package."""

    tags: int = 0
    equal: int = 0
    pipelines: dict[str, float | str] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unbuilt: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    built: int = 0


def of_timm(_: Path) -> Iterator[Tag]:
    """Every pretrained tag."""
    for name in timm.list_pretrained():
        settings = resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
        yield Tag(f"timm/{name}", str(settings), lambda settings=settings: create_transform(**settings))


def of_open_clip(_: Path) -> Iterator[Tag]:
    """Every architecture with every training."""
    for architecture, tag in open_clip.list_pretrained():
        config = open_clip.get_pretrained_cfg(architecture, tag)
        given = {key: value for key, value in config.items() if key in PreprocessCfg.__dataclass_fields__}
        size = open_clip.get_model_config(architecture)["vision_cfg"]["image_size"]
        settings = PreprocessCfg(**given | {"size": size})
        name = f"open_clip/{architecture}.{tag}"
        yield Tag(name, str(settings), lambda settings=settings: image_transform_v2(settings, is_train=False))


def of_torchvision(_: Path) -> Iterator[Tag]:
    """Every network, of every kind, with all its weights."""
    for name in list_models():
        for weights in get_model_weights(name):
            yield Tag(
                f"torchvision/{name}.{weights.name}", repr(weights.transforms()) + kind_of(name), weights.transforms
            )


def kind_of(name: str) -> str:
    """The part of torchvision that lists a network."""
    kinds = ("segmentation", "detection", "video", "optical_flow", "quantization")
    return next((kind for kind in kinds if name in list_models(module=getattr(torchvision.models, kind))), "")


def of_transformers(folder: Path) -> Iterator[Tag]:
    """Every kind of configuration that has an image processor, with that processor's defaults beside it."""
    for config, classes in sorted(IMAGE_PROCESSOR_MAPPING.items(), key=lambda pair: pair[0].model_type):
        processor = classes.get("torchvision") or classes.get("pil")
        place = folder / config.model_type
        place.mkdir(exist_ok=True)
        try:
            values = config().to_dict()
            own = processor()
            own.save_pretrained(place)
        except Exception as error:
            print(f"transformers/{config.model_type}: transformers itself says {str(error)[:100]}")
            continue
        values["architectures"] = architectures(config)
        (place / "config.json").write_text(json.dumps(values, default=str))

        def pixels(own: object = own) -> Pixels:
            return lambda picture: own(picture, return_tensors="pt")["pixel_values"][0]

        yield Tag(f"transformers/{place}/config.json:random", config.model_type, pixels)


def architectures(config: type) -> list[str]:
    """What a checkpoint's configuration names: the bare network, else one with a head that takes images."""
    tables = ["MODEL_MAPPING", *(name for name in dir(transformers) if re.fullmatch(r"MODEL_FOR_\w+_MAPPING", name))]
    for name in tables:
        found = getattr(transformers, name).get(config, None)
        for cls in found if isinstance(found, (tuple, list)) else [found]:
            if cls is not None and (name == tables[0] or "pixel_values" in inspect.signature(cls.forward).parameters):
                return [cls.__name__]
    return []


PACKAGES = {
    "timm": of_timm,
    "open_clip": of_open_clip,
    "torchvision": of_torchvision,
    "transformers": of_transformers,
}


def difference(tag: Tag) -> float | str:
    """Largest difference of two pixels of the network's input, or the message that refuses the network."""
    try:
        ours = model_transform(inline_spec(tag.name))
    except MenagerieError as error:
        return str(error)
    theirs = tag.pixels()
    gaps = []
    for photograph in PHOTOGRAPHS:
        wanted, found = theirs(Image.fromarray(photograph)), ours(photograph)
        gaps.append(float((wanted - found).abs().max()) if wanted.shape == found.shape else float("inf"))
    return max(gaps)


def problem_of_building(name: str) -> str:
    """The message that refuses to build a network; empty where it builds."""
    try:
        with torch.device("meta"):
            build_module(inline_spec(name))
    except (MenagerieError, NotImplementedError, RuntimeError) as error:
        return str(error)
    return ""


def reason(message: str) -> str:
    """A message without what differs between networks."""
    short = re.sub(r"^Model '[^']*': ", "", message)
    short = (
        re.sub(r"torchvision's '\w+'|[\w.-]+ of transformers", "it", short)
        .partition(", expected")[0]
        .partition("; expected")[0]
    )
    short = re.sub(r"\w+ImageProcessor\w*", "its processor", short)
    return re.sub(r"'[^']*'|/\S+|\(.*", "...", short)


def look(tags: Iterator[Tag], *, build: bool) -> Found:
    """Compare one network of each pipeline, and count all of them."""
    found = Found()
    built: dict[str, str] = {}
    for tag in tags:
        found.tags += 1
        if tag.pipeline not in found.pipelines:
            found.pipelines[tag.pipeline] = difference(tag)
        gap = found.pipelines[tag.pipeline]
        if isinstance(gap, str):
            found.refused[reason(gap)].append(tag.name)
        found.equal += isinstance(gap, float) and gap <= 1e-5
        architecture = tag.name if tag.name.startswith("transformers") else tag.name.partition(".")[0]
        if build and architecture not in built:
            built[architecture] = problem_of_building(tag.name)
            if built[architecture]:
                found.unbuilt[reason(built[architecture])].append(tag.name)
    found.built = sum(not problem for problem in built.values())
    return found


def table(results: dict[str, Found]) -> str:
    """Counts of each package, and what is refused."""
    lines = [
        "| package | tags | equal | pipelines compared | largest difference | architectures built |",
        "| --- |" + " --- |" * 5,
    ]
    for package, found in results.items():
        gaps = [gap for gap in found.pipelines.values() if isinstance(gap, float)]
        cells = (package, found.tags, found.equal, len(gaps), f"{max(gaps, default=0):.0e}", found.built)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for package, found in results.items():
        for what, reasons in (("no transform", found.refused), ("not built", found.unbuilt)):
            for why, names in Counter({why: len(names) for why, names in reasons.items()}).most_common():
                shown = [Path(name).parent.name if "config.json" in name else name for name in reasons[why]]
                lines.append(f"\n- {package}, {what}, {names}: {why}\n  {', '.join(shown)}")
        different = {
            pipeline: gap for pipeline, gap in found.pipelines.items() if isinstance(gap, float) and gap > 1e-5
        }
        lines += [f"\n- {package}, OTHER PIXELS by {gap:.3g}: {pipeline[:200]}" for pipeline, gap in different.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compare the packages one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--only", nargs="+", choices=PACKAGES, default=list(PACKAGES))
    parser.add_argument("--build", action="store_true", help="build each architecture too, without memory")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for package in given.only:
        with tempfile.TemporaryDirectory() as folder:
            results[package] = look(PACKAGES[package](Path(folder)), build=given.build)
        (given.out / "preprocessing.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
