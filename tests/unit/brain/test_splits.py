"""Splits: what a config may say of them, the folds that come of it, and what is refused."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from menagerie.brain.fold_ceilings import Found, ceilings_by_fold
from menagerie.brain.folds import Fold, even_odd, overlapping_splits, train_mask
from menagerie.brain.split_definitions import dataset_folds, make_folds, named_definitions, train_shares
from menagerie.brain.splits import read_splits, write_splits
from menagerie.brain.stimuli import duplicate_remarks
from menagerie.errors import MenagerieError

IDS = [f"pic{i:02d}" for i in range(24)]
GROUPS = [f"g{i // 4}" for i in range(24)]


def folds(definition, name="mine", ids=IDS):
    return make_folds(name, definition, ids, "Dataset d", groups=lambda column: GROUPS, offered=lambda name: [])


def test_even_odd_is_the_default_and_that_of_the_survey():
    fold = even_odd(IDS)
    assert (fold.train, fold.test) == (tuple(IDS[::2]), tuple(IDS[1::2]))
    masks = fold.masks(IDS)
    assert np.array_equal(masks["train"], train_mask(24)) and np.array_equal(masks["test"], ~train_mask(24))
    assert folds({}, "even_odd") == [fold] and fold.key == "even_odd/0"


@pytest.mark.parametrize("group", [None, "category"])
def test_k_folds_test_every_image_once_and_never_divide_a_group(group):
    found = folds({"folds": 3, "seed": 1} | ({"group": group} if group else {}))
    assert [fold.fold for fold in found] == [0, 1, 2]
    assert sorted(image for fold in found for image in fold.test) == IDS
    for fold in found:
        assert sorted(fold.train + fold.test) == IDS and list(fold.train) == sorted(fold.train)
        if group:
            of = {image: GROUPS[IDS.index(image)] for image in IDS}
            assert not {of[image] for image in fold.train} & {of[image] for image in fold.test}
    assert found == folds({"folds": 3, "seed": 1} | ({"group": group} if group else {}))
    assert found != folds({"folds": 3, "seed": 2} | ({"group": group} if group else {}))
    assert overlapping_splits(found) == set()


def write_lists(folder, kind):
    train, test = IDS[:8], IDS[12:18]
    paths = {}
    for part, ids in (("train", train), ("test", test)):
        path = folder / f"{part}.{kind}"
        if kind == "txt":
            path.write_text("# ids\n" + "\n".join(reversed(ids)) + "\n\n")
        elif kind == "json":
            path.write_text(json.dumps(ids))
        elif kind == "csv":
            pd.DataFrame({"image": [f"{image}.png" for image in ids], "note": 1}).to_csv(path, index=False)
        else:
            pd.DataFrame({"image_id": ids}).to_parquet(path, index=False)
        paths[part] = str(path)
    return paths


@pytest.mark.parametrize("kind", ["txt", "json", "csv", "parquet"])
def test_lists_of_ids_leave_the_rest_out(tmp_path, kind):
    (fold,) = folds(write_lists(tmp_path, kind))
    assert (fold.train, fold.test) == (tuple(IDS[:8]), tuple(IDS[12:18]))
    assert folds({"train": IDS[:8], "test": IDS[12:18]}) == [fold]
    masks = fold.masks(IDS)
    assert masks["train"].sum() == 8 and masks["test"].sum() == 6 and not (masks["train"] & masks["test"]).any()


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_a_table_holds_parts_and_folds(tmp_path, kind):
    expected = [Fold("mine", 0, tuple(IDS[:6]), tuple(IDS[6:12])), Fold("mine", 1, tuple(IDS[6:12]), tuple(IDS[:6]))]
    path = tmp_path / f"table.{kind}"
    rows = [
        (image, part, fold.fold) for fold in expected for part in ("train", "test") for image in getattr(fold, part)
    ]
    table = pd.DataFrame(rows, columns=["image", "set", "cv"])
    if kind == "json":
        path.write_text(json.dumps([{"train": fold.train, "test": fold.test} for fold in expected]))
    else:
        getattr(table, f"to_{kind}")(path, index=False)
    names = {} if kind == "json" else {"part": "set", "fold": "cv"}
    assert folds({"file": str(path)} | names) == expected


def text(folder: Path, body: str, name="list.txt") -> str:
    (folder / name).write_text(body)
    return str(folder / name)


BAD = {
    "an unknown id": (lambda f: {"train": IDS[:8], "test": ["pix13", *IDS[14:20]]}, "'pix13'. Did you mean 'pic13'"),
    "an id twice": (lambda f: {"train": [*IDS[:8], "pic03.png"], "test": IDS[9:]}, "'pic03' is listed twice"),
    "an image in both": (lambda f: {"train": IDS[:9], "test": IDS[8:]}, "1 images are in both parts .first: pic08"),
    "a small part": (lambda f: {"train": IDS[:9], "test": IDS[9:12]}, "3 of 24 images in the test part; at least 4"),
    "an empty list": (lambda f: {"train": text(f, "\n# nothing\n"), "test": IDS[9:]}, "expected image ids, found none"),
    "no json": (lambda f: {"train": text(f, "{", "a.json"), "test": IDS[9:]}, "a.json: expected JSON"),
    "other json": (
        lambda f: {"train": text(f, "{}", "a.json"), "test": IDS[9:]},
        "JSON array of image ids, found an obj",
    ),
    "no column": (
        lambda f: {"train": text(f, "a,b\n1,2\n", "a.csv"), "test": IDS[9:]},
        "no column of images among a, b",
    ),
    "too many folds": (lambda f: {"folds": 25}, "found 24 images, expected at least as many as folds .25"),
    "too many folds of groups": (lambda f: {"folds": 7, "group": "g"}, "found 6 groups in column 'g'.*folds .7"),
    "small folds": (lambda f: {"folds": 8}, "3 of 24 images in the test part"),
    "other parts": (
        lambda f: {"file": text(f, "image,part\npic00,learn\n", "a.csv")},
        "row 1: found part 'learn', expected train, test or nothing",
    ),
    "no part": (lambda f: {"file": text(f, "image,prt\npic00,train\n", "a.csv")}, "no column 'part'.*prt"),
    "a json fold without test": (lambda f: {"file": text(f, '[{"train": []}]', "a.json")}, "an array of these"),
    "a table of another kind": (lambda f: {"file": text(f, "x", "a.tsv2")}, "csv, parquet or json"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_splits_are_refused_by_name(tmp_path, case):
    definition, message = BAD[case]
    with pytest.raises(MenagerieError, match=message):
        folds(definition(tmp_path))


def test_groups_that_cannot_be_divided_are_refused():
    lopsided = ["big"] * 20 + [f"s{i}" for i in range(4)]
    with pytest.raises(
        MenagerieError, match=r"cannot be divided into 4 folds of at least 4 images .the smallest has 1"
    ):
        make_folds("m", {"folds": 4, "group": "g"}, IDS, "D", groups=lambda c: lopsided, offered=lambda name: [])


def test_one_entry_several_or_named_ones():
    by_folds = {"folds": 5}
    assert named_definitions("tau") == {"tau": {}}
    assert named_definitions(by_folds) == {"folds": by_folds}
    assert named_definitions(["even_odd", by_folds]) == {"even_odd": {}, "folds": by_folds}
    assert named_definitions({"even_odd": None, "five": by_folds}) == {"even_odd": {}, "five": by_folds}
    assert (train_shares({}), train_shares(by_folds)) == ((0.5,), (0.8,) * 5)
    with pytest.raises(ValueError, match="two splits called folds"):
        named_definitions([by_folds, by_folds])


def reader(**functions) -> ModuleType:
    module = ModuleType("reader")
    vars(module).update(functions)
    return module


def test_splits_of_a_reader_may_differ_between_subjects(tmp_path):
    def read_split(name, options, subject, image_ids):
        first = 0 if subject == "one" else 12
        return [{"train": IDS[first : first + 6], "test": IDS[first + 6 : first + 12]}]

    offers = reader(split_names=lambda options: ["own"], read_split=read_split)
    found = dataset_folds("d", {"own": {}, "even_odd": {}}, IDS, ["one", "two"], offers, {})
    assert found["one"][0].train == tuple(IDS[:6]) and found["two"][0].train == tuple(IDS[12:18])
    write_splits(tmp_path / "d.parquet", found, {})
    assert read_splits(tmp_path / "d.parquet", "two") == found["two"]
    shared = dataset_folds("d", {"even_odd": {}}, IDS, ["one", "two"], offers, {})
    write_splits(tmp_path / "shared.parquet", shared, {})
    assert read_splits(tmp_path / "shared.parquet", "two") == [even_odd(IDS)]
    with pytest.raises(MenagerieError, match="no image for subject three"):
        read_splits(tmp_path / "d.parquet", "three")


def test_a_reader_without_groups_says_so():
    with pytest.raises(MenagerieError, match="its reader knows no groups"):
        dataset_folds("d", {"folds": {"folds": 3, "group": "g"}}, IDS, ["one"], reader(), {})


def test_one_photograph_in_both_parts_is_named():
    digests = [f"digest {i}" for i in range(24)]
    digests[4] = digests[7] = "same"
    digests[10] = digests[12] = "also"
    halves = Fold("halves", 0, tuple(IDS[:12]), tuple(IDS[12:]))
    by_even_odd, by_halves = ([*map(str, duplicate_remarks(digests, IDS, folds))] for folds in ((), [halves]))
    assert by_even_odd == [
        "Warning: images pic04, pic07 are the same photograph, pixel by pixel, in both parts of fold even_odd/0. The "
        "parts are then not independent: keep one of them.",
        "Warning: images pic10, pic12 are the same photograph, pixel by pixel, in one part. Keep one of them, or "
        "average their responses.",
    ]
    assert [text.split(",")[0] for text in by_halves] == ["Warning: images pic10", "Warning: images pic04"]
    assert duplicate_remarks([*map(str, range(24))], IDS) == []


def test_images_of_a_fold_that_a_subject_lacks_leave_the_others_in_their_parts():
    fold = even_odd(IDS).among(IDS[:10])
    assert fold.train == tuple(IDS[:10:2]) and fold.test == tuple(IDS[1:10:2])


def test_ceilings_rest_on_the_parts_of_each_fold():
    found = folds({"folds": 3})
    seen = []

    def estimate(masks):
        seen.append(masks)
        return Found(
            {"IT": len(seen) / 10},
            {"IT": (0.0, len(seen))},
            {"ceiling": "measured", "n": str(masks["test"].sum() + len(seen))},
        )

    ceilings, intervals, details = ceilings_by_fold(found, IDS, estimate)
    assert ceilings == {"mine/0": {"IT": 0.1}, "mine/1": {"IT": 0.2}, "mine/2": {"IT": 0.3}}
    assert intervals == {"mine/0": {"IT": (0.0, 1)}, "mine/1": {"IT": (0.0, 2)}, "mine/2": {"IT": (0.0, 3)}}
    assert details == {"ceiling": "measured", "n": "9", "n of mine/1": "10", "n of mine/2": "11"}
    assert all(np.array_equal(masks["test"], fold.masks(IDS)["test"]) for masks, fold in zip(seen, found, strict=True))
