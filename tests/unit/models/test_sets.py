from menagerie.models.registry import METADATA, ModelSpec
from menagerie.models.sets import find_sets, published_sets, what_varies


def spec(name, *, training="trained", **metadata):
    weights = "random" if training == "random" else "provider"
    if training == "random":
        metadata |= {"task": "random", "data": "", "method": ""}
    return ModelSpec(name, "timm", "x", weights, training=training, metadata=dict.fromkeys(METADATA, "") | metadata)


R50 = {"architecture": "r50", "architecture_class": "Convolutional", "family": "resnet", "parameters": "50"}
R18 = {"architecture": "r18", "architecture_class": "Convolutional", "family": "resnet", "parameters": "18"}
VIT = {"architecture": "vit", "architecture_class": "Transformer", "family": "vit", "parameters": "80"}
IMAGENET = {"task": "classification", "data": "imagenet"}
TABLE = [
    spec("r50", **R50, **IMAGENET),
    spec("r50_random", training="random", **R50),
    spec("r50_simclr", **R50, task="self-supervised", method="simclr", data="imagenet"),
    spec("r50_places", **R50, task="classification", data="places"),
    spec("r18", **R18, **IMAGENET),
    spec("vit", **VIT, **IMAGENET),
]


def levels(factor):
    return [dict(found.levels) for found in find_sets(TABLE, [factor])]


def test_sets_of_every_factor():
    assert levels("training") == [{"trained": ("r50", "r50_places"), "random": ("r50_random",)}]
    assert levels("task") == [{"classification": ("r50",), "simclr": ("r50_simclr",)}]
    assert levels("data") == [{"imagenet": ("r50",), "places": ("r50_places",)}]
    assert levels("size") == [{"r18": ("r18",), "r50": ("r50",)}]
    assert levels("architecture_class") == [{"Convolutional": ("r50", "r18"), "Transformer": ("vit",)}]


def test_large_sets_come_first():
    sizes = [len(found.members) for found in find_sets(TABLE)]
    assert len(sizes) == 5 and sizes == sorted(sizes, reverse=True)


def test_one_model_is_no_set():
    assert find_sets(TABLE[:1]) == []


def survey(registry):
    return [spec for spec in registry.values() if spec.metadata["published_id"]]


def test_which_published_comparisons_vary_in_one_thing(registry):
    """Of the survey's ten comparisons, four are sets as they stand; the others vary in more than they say."""
    models = survey(registry)
    sets = find_sets(models)
    inside, other = set(), {}
    for column, groups in published_sets(models).items():
        members = {name for names in groups.values() for name in names}
        if any(members <= set(found.members) for found in sets):
            inside.add(column.removeprefix("compare_"))
        else:
            other[column.removeprefix("compare_")] = what_varies(registry[name] for name in members)
    assert inside == {"diet_ipcl", "goal_expertise", "goal_selfsupervised", "goal_contrastive"}
    # The untrained encoder stands among the tasks, and 'ImageNet' members were pre-trained on 21K.
    assert other["goal_taskonomy_tasks"]["training"] == 2
    assert other["diet_imagenetsize"]["data"] == 3
    assert other["architecture"]["data"] == 2
    assert other["goal_slip"]["architecture"] == 3


def test_the_survey_holds_sets_that_it_did_not_use(registry):
    sets = find_sets(survey(registry))
    sizes = {len(found.members) for found in sets if dict(found.fixed).get("family") == "ResNet"}
    assert 4 in sizes and len([found for found in sets if found.factor == "training"]) == 64
