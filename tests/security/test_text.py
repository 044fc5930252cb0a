"""What people write in configs is read, never run, and names stay names."""

import ast

import pytest
import yaml

from menagerie.brain.voxels.expression import evaluate
from menagerie.errors import MenagerieError
from menagerie.models.builders import parse_builder
from menagerie.models.registry import read_registry
from menagerie.statistics.effects import fit_effects
from menagerie.statistics.experiments import read_experiments
from menagerie.statistics.formula import check_formula
from menagerie.survey.contents import Survey

FORMULAS = [
    "score ~ __import__('os').mkdir('{}')",
    "score ~ task + (__import__('os').mkdir('{}') | model)",
    "score ~ C(__import__('os').mkdir('{}'))",
    "score ~ C(task, Treatment(__import__('os').mkdir('{}')))",
    "__import__('os').mkdir('{}') ~ task",
    "score ~ Q('task') + open('{}', 'w')",
    "score ~ task [lambda: 1]",
    "score ~ (task)(score)",
    "score ~ task.__class__",
    "score ~ task; import os",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_are_no_python(tmp_path, bomb, formula):
    import pandas as pd

    formula = formula.format(bomb.sentinel)
    data = pd.DataFrame({"score": [0.1, 0.2, 0.4, 0.3], "task": list("abab"), "model": list("aabb")})
    for kind in ("lm", "lmm"):
        with pytest.raises(MenagerieError, match=r"found|takes no random part|needs one random part"):
            fit_effects(data, formula, kind=kind)
    entry = {"title": "t", "factor": "task", "reference": "a", "analyses": [{"analysis": "sound", "formula": formula}]}
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"x": entry}))
    with pytest.raises(MenagerieError, match=r"experiments\.yaml, x\.analyses\.0, formula"):
        read_experiments(path)


@pytest.mark.parametrize(
    "formula",
    [
        "score ~ a",
        "score ~ a*b + (1 | g)",
        "score ~ a:b - 1",
        "score ~ (a + b) ** 2",
        "score~C(a, Treatment('x y'))+b",
        "",
    ],
)
def test_formulas_of_columns_pass(formula):
    check_formula(formula)


@pytest.mark.parametrize(
    "text", ["__import__('os').mkdir('{}')", "[c for c in ().__class__.__mro__]", "open('{}', 'w')"]
)
def test_expressions_are_no_python(bomb, text):
    with pytest.raises(MenagerieError, match="not allowed here"):
        evaluate(text.format(bomb.sentinel), {}, where="region")
    with pytest.raises(MenagerieError, match="expected name"):
        parse_builder(f"resnet18(x={text.format(bomb.sentinel)})")


@pytest.mark.parametrize("name", ["../x", "..", ".", "a/b", "/tmp/x", "a\n", "", ".hidden"])
@pytest.mark.parametrize("key", ["run", "subjects", "stimuli", "dataset"])
def test_names_cannot_lead_elsewhere(key, name):
    dataset = {"reader": "kriegeskorte92", "options": {}}
    config = {"run": "r", "models": ["timm/resnet18"], "datasets": {"d": dataset}}
    if key == "run":
        config["run"] = name
    elif key == "dataset":
        config["datasets"] = {name: dataset}
    else:
        dataset[key] = [name] if key == "subjects" else name
    with pytest.raises(MenagerieError, match="Config key"):
        Survey.from_config(config)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", ".x"])
def test_ids_cannot_lead_elsewhere(tmp_path, name):
    path = tmp_path / "models.tsv"
    path.write_text(f"id\tprovider\tbuilder\tweights\ttraining\n{name}\ttimm\tresnet18\trandom\trandom\n")
    with pytest.raises(MenagerieError, match=r"models\.tsv, line 2, column 'id'"):
        read_registry(path)


def test_inline_models_get_harmless_ids():
    config = {"run": "r", "models": ["timm/../../x:random"], "datasets": {"d": {"reader": "kriegeskorte92"}}}
    assert list(Survey.from_config(config).models) == ["timm__..-..-x_random"]


CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    "yaml": {"load", "unsafe_load", "full_load", "load_all"},
    "pickle": {"load", "loads"},
    "os": {"system", "popen"},
    "torch": {"compile"},
    "joblib": {"load"},
    "pd": {"read_pickle", "eval"},
}


def forbidden(tree):
    """Calls that run text, or objects out of files."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        named = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            owner, name = node.func.value.id, node.func.attr
            if name in METHODS.get(owner, ()) or name == "extractall" or named.get("shell"):
                yield node
            if (owner, name) == ("np", "load") and named.get("allow_pickle") is not False:
                yield node
            if (owner, name) == ("torch", "load") and not (named.get("weights_only") or "pickle_module" in named):
                yield node


def test_the_package_runs_no_text_and_no_objects(root):
    files = list((root / "workflow").rglob("*.py"))
    assert len(files) > 100
    found = [f"{path}:{node.lineno}" for path in files for node in forbidden(ast.parse(path.read_text()))]
    assert not found


def test_the_search_finds_what_it_looks_for():
    bad = "eval(x); yaml.load(x); np.load(x); torch.load(x); subprocess.run(x, shell=True); tar.extractall()"
    assert len(list(forbidden(ast.parse(bad)))) == 6
