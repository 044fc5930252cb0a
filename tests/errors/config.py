"""Configs."""

from pathlib import Path

from menagerie.survey.config import read_config

from .case import Case, dataset, survey


def written(content: bytes):
    def act(folder: Path):
        (folder / "my.yaml").write_bytes(content)
        read_config(folder / "my.yaml")

    return act


def people(**entry: object):
    return survey(datasets={"people": {"reader": "kriegeskorte92"} | entry})


def two_readers(folder: Path):
    v4 = {"reader": "v4", "stimuli": "shared"}
    return survey(datasets={"people": {"reader": "kriegeskorte92", "stimuli": "shared"}, "apes": v4})


def own(folder: Path, **entry: object):
    return survey(datasets={"mine": {"reader": "own", "options": {"folder": str(folder)}} | entry})


def subject_with_a_blank(folder: Path):
    dataset(folder)
    (folder / "s1").rename(folder / "subject 1")
    own(folder)


def planted(layers: object):
    return survey(datasets={"sim": {"reader": "simulated", "options": {"planted": layers}}})


README = "config/README.md"
CASES = [
    Case(
        "a config that is not there",
        lambda at: read_config(at / "my.yaml"),
        "mine/my.yaml",
        "no such file",
        "a YAML file",
        "Correct it",
    ),
    Case(
        "a config with a bracket left open",
        written(b"run: x\n  models: [a\n"),
        "my.yaml",
        "line 2",
        "expected YAML",
        "Correct it",
    ),
    Case(
        "a config that is a list",
        written(b"- run\n- models\n"),
        "my.yaml",
        "found a list",
        "keys at the top level",
        "config/config.yaml",
    ),
    Case("an empty config", written(b""), "my.yaml", "an empty file", "keys at the top level", "config/config.yaml"),
    Case("a config that is no text", written(b"\xff\xfe"), "my.yaml", "another encoding", "UTF-8", "Correct it"),
    Case("a folder for a config", read_config, "Config mine", "a folder", "a YAML file", "Correct it"),
    Case("a key twice", written(b"run: x\nrun: y\n"), "my.yaml, line 2", "occurs twice", "once", "Correct it"),
    Case("a number as key", written(b"2024: x\n"), "my.yaml, line 1", "key 2024", "expected text", "in quotes"),
    Case("a truth value as key", written(b"on: x\n"), "my.yaml, line 1", "the key on", "expected text", "in quotes"),
    Case("no number", written(b"run: .nan\n"), "my.yaml, line 1", ".nan", "a finite number", "Correct it"),
    Case(
        "an object of Python", written(b"run: !!python/name:os.system x\n"), "line 1", "tag", "plain values", "Correct"
    ),
    Case("aliases without end", written(b"run: &a [*a]\n"), "line 1", "*a names nothing", "part of", "Correct it"),
    Case("nesting without end", written(b"run: " + b"[" * 999), "line 1", "more than 50 levels", "flat", "Correct it"),
    Case(
        "a key misspelt",
        lambda at: survey(penaltys=[1]),
        "config key",
        "'penaltys'",
        "Known:",
        "Did you mean 'penalties'",
    ),
    Case(
        "a key inside a section misspelt",
        lambda at: survey(projection={"components": 9}),
        "(at projection)",
        "'components'",
        "Known:",
        "Did you mean 'n_components'",
    ),
    Case("no run name", lambda at: survey(run=None), "Config key run", "None", "expected text", README),
    Case(
        "a run name that leads elsewhere",
        lambda at: survey(run="../x"),
        "Config key run",
        "'../x'",
        "a plain name",
        "Change it",
    ),
    Case(
        "an empty list of models",
        lambda at: survey(models=[]),
        "Config key models",
        "[]",
        "at least 1 entry",
        "Change it",
    ),
    Case(
        "one model instead of a list",
        lambda at: survey(models="alexnet"),
        "Config key models",
        "'alexnet'",
        "list of text",
        "Change it",
    ),
    Case(
        "a penalty of zero",
        lambda at: survey(penalties=[0]),
        "Config key penalties.0",
        "found 0",
        "a number above 0",
        "Change it",
    ),
    Case(
        "a penalty as text",
        lambda at: survey(penalties=["1e3"]),
        "Config key penalties.0",
        "'1e3'",
        "expected number",
        "Change it",
    ),
    Case(
        "a metric misspelt",
        lambda at: survey(metrics=["vrsa"]),
        "metrics.0",
        "'vrsa'",
        "Known:",
        "Did you mean 'versa'",
    ),
    Case(
        "a metric twice",
        lambda at: survey(metrics=["crsa", "crsa"]),
        "Config key metrics",
        "['crsa', 'crsa']",
        "each entry once",
        "Change it",
    ),
    Case(
        "a device that does not exist",
        lambda at: survey(device="gpu"),
        "config key device",
        "'gpu'",
        "Known:",
        "auto, cpu, cuda",
    ),
    Case(
        "too little memory",
        lambda at: survey(memory_budget_mb=10),
        "memory_budget_mb",
        "found 10",
        "at least 256",
        "Change it",
    ),
    Case(
        "half a layer per job",
        lambda at: survey(layers_per_job=0.5),
        "layers_per_job",
        "found 0.5",
        "`auto` or whole number",
        "Change it",
    ),
    Case("no dataset", lambda at: survey(datasets={}), "Config key datasets", "{}", "at least 1 entry", "Change it"),
    Case(
        "a dataset without a reader",
        lambda at: survey(datasets={"people": {"subjects": ["BE"]}}),
        "datasets.people",
        "found only: subjects",
        "'reader' is a required",
        "Add it",
    ),
    Case(
        "a reader misspelt",
        lambda at: people(reader="kriegskorte92"),
        "datasets.people.reader",
        "'kriegskorte92'",
        "Known:",
        "Did you mean 'kriegeskorte92'",
    ),
    Case(
        "an option that the reader lacks",
        lambda at: people(options={"spezies": "monkey"}),
        "reader kriegeskorte92",
        "'spezies'",
        "Known:",
        "Did you mean 'species'",
    ),
    Case(
        "a subject that the dataset lacks",
        lambda at: people(subjects=["BE", "XY"]),
        "datasets.people.subjects",
        "'XY'",
        "Known: BE, KO",
        "Known: ",
    ),
    Case(
        "a subject of NSD misspelt",
        lambda at: survey(datasets={"nsd": {"reader": "nsd", "subjects": ["sub01"]}}),
        "datasets.nsd.subjects",
        "'sub01'",
        "Known: subj01",
        "Did you mean 'subj01'",
    ),
    Case(
        "two readers for one stimulus set",
        two_readers,
        "people and apes",
        "'shared'",
        "different readers",
        "Give them different names",
    ),
    Case(
        "a dataset's folder that is not there",
        lambda at: own(at / "nowhere"),
        "Option 'folder'",
        "nowhere",
        "a folder with",
        "Correct the path",
    ),
    Case(
        "the reader own without a folder",
        lambda at: survey(datasets={"mine": {"reader": "own"}}),
        "datasets.<name>.options.folder",
        "found none",
        "needs the option 'folder'",
        "docs/add-a-dataset.md",
    ),
    Case(
        "a subject without a folder",
        lambda at: own(dataset(at), subjects=["s2"]),
        "mine",
        "'s2'",
        "Known: s1",
        "Did you mean 's1'",
    ),
    Case(
        "a subject's folder with a blank in its name",
        subject_with_a_blank,
        "Dataset mine",
        "'subject 1'",
        "letters, digits",
        "Rename it",
    ),
    Case(
        "no layer planted",
        lambda at: planted({}),
        "Option 'planted'",
        "is empty",
        "{region: {model: ..., layer: ...}}",
        "Plant a layer",
    ),
    Case(
        "a layer planted without its model",
        lambda at: planted({"IT": {"layer": "fc"}}),
        "region IT",
        "{'layer': 'fc'}",
        "expected {model: ..., layer: ...}",
        "Give both",
    ),
    Case(
        "a planted model that nobody knows",
        lambda at: planted({"IT": {"model": "resnet18_randm", "layer": "fc"}}),
        "Unknown model",
        "'resnet18_randm'",
        "Known:",
        "Did you mean 'resnet18_random'",
    ),
]
