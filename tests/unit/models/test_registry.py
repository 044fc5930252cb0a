import csv
import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest
import yaml

from menagerie.errors import MenagerieError
from menagerie.models.mappings import MAPPINGS
from menagerie.models.providers import PROVIDERS
from menagerie.models.registry import COLUMNS, ModelSpec, inline_spec, read_registry, select_models

HEADER = "id\tprovider\tbuilder\tweights\ttraining"
ROW = "a\ttimm\ttest_resnet\trandom\trandom"


def write(tmp_path, *lines):
    path = tmp_path / "models.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_a_row_becomes_a_spec(tmp_path):
    path = write(
        tmp_path,
        HEADER + "\tinput_size\tmean\tstd\tinterpolation\tcrop_pct\ttop1\tfamily",
        "a.1\ttimm\tresnet18\turl:http://x/y.pth\ttrained\t224\t0.5,0.5,0.5\t.2,.2,.2\tbicubic\t0.9\t71.5\tResNet",
        "# a comment",
        "",
        "b\ttimm\tresnet18\trandom\trandom" + "\t" * 7,
    )
    specs = read_registry(path)
    assert list(specs) == ["a.1", "b"]
    spec = specs["a.1"]
    assert (spec.input_size, spec.mean, spec.std) == (224, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    assert (spec.interpolation, spec.crop_pct, spec.seed) == ("bicubic", 0.9, 0)
    assert spec.metadata["top1"] == "71.5" and spec.metadata["family"] == "ResNet"
    assert specs["b"].input_size is None and specs["b"].training == "random"


def test_a_spec_survives_the_way_through_plain_data(registry):
    for spec in registry.values():
        again = ModelSpec.from_row(spec.as_row())
        assert again == spec and again.metadata == dict(spec.metadata)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER.replace("builder\t", "")], "line 1: missing column.*builder"),
        ([HEADER + "\tinputsize"], "Unknown column.*'inputsize'.*'input_size'"),
        ([HEADER + "\tseed\tseed"], "'seed' appears more than once"),
        ([HEADER, ROW + "\t" + "x" * 140_000], "line 2: found 140,033 characters, expected at most 100,000"),
        ([HEADER, ROW, ROW], "line 3: id 'a' is also on line 2"),
        ([HEADER, ROW + "\tx"], "line 2: 6 tab-separated cells, but the header has 5"),
        ([HEADER, ROW.replace("a\t", "a b\t", 1)], "column 'id': found 'a b'"),
        ([HEADER, ROW.replace("\ttest_resnet", "\t")], "'builder' is empty"),
        ([HEADER, "a\ttimm\tx\tftp://x\ttrained"], "column 'weights': found 'ftp://x', expected random, provider"),
        ([HEADER, "a\ttimm\tx\trandom\ttrained"], "weights 'random' with training 'trained'"),
        ([HEADER, "a\ttimm\tx\tprovider\trandom"], "weights 'provider' with training 'random'"),
        ([HEADER + "\tmean", ROW + "\t1,2,3"], "both 'mean' and 'std'"),
        ([HEADER + "\tmean\tstd", ROW + "\t1,2\t1,1,1"], "column 'mean': found '1,2', expected three numbers"),
        ([HEADER + "\tmean\tstd", ROW + "\t1,2,3\t1,0,1"], "column 'std'.*positive"),
        ([HEADER + "\tcrop_pct", ROW + "\t1.5"], "column 'crop_pct': found '1.5'"),
        ([HEADER + "\tinput_size", ROW + "\t224px"], "column 'input_size'"),
        ([HEADER + "\tinterpolation", ROW + "\tcubic"], "expected one of nearest, bilinear, bicubic, lanczos"),
        ([HEADER + "\tsha256", ROW + "\tabc"], "64 lower-case"),
        ([HEADER + "\tseed", ROW + "\t-1"], "column 'seed'"),
        ([HEADER + "\ttop1", ROW + "\thigh"], "column 'top1': found 'high', expected a number"),
        ([HEADER + "\tmapping", ROW + "\tvissl"], "the weights are random"),
    ],
)
def test_errors_name_file_line_and_cell(tmp_path, lines, message):
    path = write(tmp_path, *lines)
    with pytest.raises(MenagerieError, match=message) as error:
        read_registry(path)
    assert "models.tsv" in str(error.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(MenagerieError, match=r"nothing\.tsv cannot be read"):
        read_registry(tmp_path / "nothing.tsv")


@pytest.fixture
def specs():
    names = ["resnet_b", "resnet_a", "vit_a", "vit_a_random"]
    return {name: ModelSpec(name, "timm", name, "random", training="random") for name in names}


def ids(specs, *patterns):
    return [spec.id for spec in select_models(specs, patterns)]


def test_selection_keeps_the_order_and_takes_each_model_once(specs):
    assert ids(specs, "vit_a", "resnet_*", "*_a") == ["vit_a", "resnet_b", "resnet_a"]
    assert ids(specs, "vit_?_random", "[rv]it_a") == ["vit_a_random", "vit_a"]


def test_a_pattern_may_look_at_another_column(registry):
    assert {spec.training for spec in select_models(registry, ["training=random"])} == {"random"}
    assert len(select_models(registry, ["published_id=?*"])) == 224
    with pytest.raises(MenagerieError, match=r"column in model pattern 'famly=ResNet'.*Did you mean 'family'"):
        select_models(registry, ["famly=ResNet"])
    with pytest.raises(MenagerieError, match=r"value of model pattern 'family=ResNett'.*Did you mean 'ResNet'"):
        select_models(registry, ["family=ResNett"])


def test_names_without_a_row(specs):
    trained, twin = select_models(specs, ["timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k:random"])
    assert (trained.id, trained.weights, trained.training) == ("timm__resnet18.a1_in1k", "provider", "trained")
    assert (twin.id, twin.weights, twin.training) == ("timm__resnet18.a1_in1k_random", "random", "random")
    assert trained.builder == twin.builder == "resnet18.a1_in1k"
    assert inline_spec("torchvision/a b/c:d").id == "torchvision__a-b-c-d"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("vit_b", "Unknown model: 'vit_b'. Did you mean 'vit_a'"),
        ("resnte*", "matches none of the 4 models. Nearest id: 'resnet_"),
        ("tim/resnet18", "Unknown provider.*Did you mean 'timm'"),
        ("timm/", "expected provider/name"),
    ],
)
def test_unknown_names_get_a_hint(specs, pattern, message):
    with pytest.raises(MenagerieError, match=message):
        select_models(specs, [pattern])


def test_two_models_cannot_share_an_id(specs):
    specs["timm__x"] = replace(specs["vit_a"], id="timm__x")
    with pytest.raises(MenagerieError, match="Two models have the id 'timm__x'"):
        select_models(specs, ["timm__x", "timm/x"])


def test_every_row_of_the_table_fits_the_schema(root, registry):
    schema = yaml.safe_load((root / "workflow/schemas/models.schema.yaml").read_text())
    assert sorted(schema["properties"]) == sorted(COLUMNS)
    assert all(entry["description"] for entry in schema["properties"].values())
    validator = jsonschema.Draft202012Validator(schema)
    for row in rows(root / "config/models.tsv"):
        assert not list(validator.iter_errors(row)), row["id"]
    for spec in registry.values():
        assert spec.provider in PROVIDERS and spec.mapping in MAPPINGS


def test_reading_the_table_needs_neither_torch_nor_snakemake(root):
    code = (
        "import sys; from menagerie.models.registry import read_registry, select_models;"
        f"select_models(read_registry({str(root / 'config/models.tsv')!r}), ['*', 'timm/x:random']);"
        "sys.exit(', '.join({'torch', 'snakemake', 'pandas', 'timm'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root / "workflow")
    assert done.returncode == 0, done.stderr
