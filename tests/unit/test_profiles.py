"""The profiles say why each setting is there, and agree with each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

PROFILES = {path.parent.name: path for path in sorted((Path(__file__).parents[2] / "profiles").glob("*/config.yaml"))}


@pytest.mark.parametrize("name", PROFILES)
def test_every_setting_has_its_reason(name: str) -> None:
    above = ""
    for number, line in enumerate(PROFILES[name].read_text().splitlines(), start=1):
        explained = not line or "#" in line or above.startswith("# ")
        assert explained, f"{PROFILES[name]}, line {number}: {line}"
        above = line


def test_profiles_do_not_fight() -> None:
    """Snakemake loads profiles/default beside --profile: both must agree on every key that both have."""
    slurm, default = (yaml.safe_load(PROFILES[name].read_text()) for name in ("slurm", "default"))
    both = set(slurm) & set(default)
    assert both >= {"scheduler", "keep-going", "rerun-incomplete", "rerun-triggers"}
    assert {key: slurm[key] for key in both} == {key: default[key] for key in both}


def test_rules_that_run_networks_over_images_ask_for_a_gpu_and_nothing_else_does() -> None:
    slurm = yaml.safe_load(PROFILES["slurm"].read_text())
    one = {"gres": "'gpu:1'"}
    assert slurm["set-resources"] == {"extract_geometry": one, "predict": one}
    assert "gres" not in slurm["default-resources"]


def test_what_the_profile_offers_is_valid_once_its_comment_sign_is_gone() -> None:
    """Account, partition, and kind and memory of GPUs, for those who fill in the first block."""
    text = PROFILES["slurm"].read_text()
    whole = yaml.safe_load(re.sub(r"^( *)# (?= *(?:\w+: \"'|score:))", r"\1", text, flags=re.MULTILINE))
    assert whole["set-resources"]["extract_geometry"] == {
        "gres": "'gpu:1'",
        "slurm_partition": "'gpu'",
        "constraint": "'gpu40g'",
    }
    assert set(whole["set-resources"]["score"]) == {"gres", "slurm_partition"}
    assert {"slurm_account", "slurm_partition"} < set(whole["default-resources"])
