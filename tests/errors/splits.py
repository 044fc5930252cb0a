"""Splits, and where layers are selected."""

from pathlib import Path

from menagerie.brain.readers import own
from menagerie.brain.split_definitions import dataset_folds

from .case import Case, dataset, survey


def config(**entry: object):
    return lambda folder: survey(datasets={"people": {"reader": "kriegeskorte92"} | entry})


def folds(definition: dict, images: str = ""):
    """The splits of a folder, as the job that writes them reads them."""

    def act(folder: Path):
        dataset(folder)
        if images:
            (folder / "images.csv").write_text(images)
        ids = [f"pic{number:02d}" for number in range(12)]
        located = {
            key: value.replace("mine/", f"{folder}/") if isinstance(value, str) else value
            for key, value in definition.items()
        }
        return dataset_folds("plants", {"unseen": located}, ids, ["s1"], own, {"folder": str(folder)})

    return act


def listed(text: str):
    def act(folder: Path):
        (folder / "train.txt").write_text(text)
        folds({"train": "mine/train.txt", "test": ["pic08", "pic09", "pic10", "pic11"]})(folder)

    return act


LATE = ["pic08", "pic09", "pic10", "pic11"]
EARLY = ["pic00", "pic01", "pic02", "pic03"]
FILMS = "file,film\n" + "".join(f"pic{number:02d}.png,{'long' if number < 11 else 'short'}\n" for number in range(12))
KEY = "datasets.people.split"
CASES = [
    Case("a split that nobody offers", config(split="even-odd"), KEY, "'even-odd'", "letters, digits and _", "Rename"),
    Case("a split of another dataset", config(split="tau"), KEY, "'tau'", "Known: even_odd", "Choose one of the known"),
    Case("one fold", config(split={"folds": 1}), f"{KEY}.folds", "found 1", "at least 2", "expected a whole number"),
    Case("a misspelt key", config(split={"folds": 3, "sed": 1}), KEY, "'sed'", "folds: number of folds", "'seed'"),
    Case("a test list alone", config(split={"test": EARLY}), KEY, "found {'test'", "{train: list", "Correct it"),
    Case(
        "groups that the reader does not know",
        config(split={"folds": 3, "group": "film"}),
        KEY,
        "found group: film",
        "knows no groups",
        "Give lists of ids",
    ),
    Case(
        "a list that is not there",
        config(split={"train": "nowhere/train.txt", "test": EARLY}),
        KEY,
        "no file nowhere/train.txt",
        "a list of images",
        "Correct the path",
    ),
    Case(
        "an id that is no image",
        listed("pic00\npic01\npic02\npik03\n"),
        "split unseen, train",
        "'pik03'",
        "'pic03'",
        "Did",
    ),
    Case(
        "an id listed twice",
        listed("\n".join([*EARLY, "pic00.png"])),
        "Dataset plants, split unseen, train part",
        "'pic00' is listed twice",
        "expected each image once",
        "Delete one entry",
    ),
    Case(
        "a list of three",
        listed("pic00\npic01\npic02\n"),
        "split unseen, fold 0",
        "3 of 12 images",
        "at least 4",
        "Choose",
    ),
    Case(
        "an image that trains and tests",
        listed("\n".join([*EARLY, "pic08"])),
        "split unseen, fold 0",
        "1 images are in both parts (first: pic08)",
        "expected parts without a common image",
        "Take them out of one",
    ),
    Case(
        "groups that cannot be divided",
        folds({"folds": 2, "group": "film"}, FILMS),
        "split unseen",
        "the smallest has 1",
        "at least 4 images",
        "Ask for fewer folds, or join small groups",
    ),
    Case(
        "a group that is no column",
        folds({"folds": 2, "group": "movie"}, FILMS),
        "mine/images.csv",
        "'movie'",
        "film",
        "",
    ),
    Case(
        "layers selected on an unknown dataset",
        config(select_on={"dataset": "apes"}),
        "datasets.people.select_on",
        "'apes'",
        "Known: people",
        "Choose one of the known",
    ),
    Case(
        "layers selected in other words",
        config(select_on="others"),
        "datasets.people.select_on",
        "found 'others'",
        "expected train, other_subjects",
        "Correct it",
    ),
    Case(
        "other subjects of a dataset with one",
        config(select_on="other_subjects", subjects=["BE"]),
        "datasets.people.select_on",
        "with one subject",
        "expected two or more",
        "Add subjects, or say train",
    ),
]
