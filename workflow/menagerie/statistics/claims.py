"""The numbers that Conwell et al. (2024) print, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One printed number.

    Attributes
    ----------
    what
        The quantity, in words.
    printed
        As printed: ``-0.04 [-0.05, -0.03], p < 0.001``; estimate, interval and p in this order, each but the first
        optional.
    source
        ``("effect", experiment, metric, level)``, or the name and arguments of a function of the reproduction.
    why
        Explanation of a disagreement; the reproduction fails without one.
    """

    what: str
    printed: str
    source: tuple
    why: str = ""


SIGN = "printed with the sign of Non-Contrastive minus Contrastive, against the stated reference; same size"
ED = (
    "not reproduced to the last digit from the published dimensions: the text gives estimates 'across 1000 bootstraps' "
    "without saying how. The conclusion holds."
)
OTHER_SET = (
    "the published similarities, those of Figure 6A too, give another third digit; no cut by rank gives both the "
    "printed mean and SD"
)

CLAIMS = (
    Claim("models", "224", ("count", "all")),
    Claim("trained models", "160", ("count", "trained"), "159: random_weights_taskonomy is untrained"),
    Claim("untrained models", "64", ("count", "random"), "65: random_weights_taskonomy is untrained"),
    Claim("noise ceiling of OTC", "0.8 [0.741, 0.847]", ("ceiling",)),
    Claim("CNNs, mean veRSA", "0.67 [0.67, 0.68]", ("level", "architecture", "versa", "Convolutional")),
    Claim("transformers, mean veRSA", "0.66 [0.65, 0.67]", ("level", "architecture", "versa", "Transformer")),
    Claim(
        "transformers minus CNNs, cRSA",
        "-0.04 [-0.05, -0.03], p < 0.001",
        ("effect", "architecture", "crsa", "Transformer"),
    ),
    Claim(
        "transformers minus CNNs, veRSA",
        "-0.01 [-0.02, -0.00], p < 0.001",
        ("effect", "architecture", "versa", "Transformer"),
    ),
    Claim("Taskonomy autoencoding, cRSA", "0.077 [0.066, 0.085]", ("model", "autoencoding_taskonomy", "crsa")),
    Claim("Taskonomy autoencoding, veRSA", "0.103 [0.096, 0.11]", ("model", "autoencoding_taskonomy", "versa")),
    Claim("Taskonomy object classes, cRSA", "0.189 [0.178, 0.201]", ("model", "class_object_taskonomy", "crsa")),
    Claim("Taskonomy object classes, veRSA", "0.436 [0.419, 0.454]", ("model", "class_object_taskonomy", "versa")),
    Claim("ResNet50, cRSA", "0.379 [0.363, 0.39]", ("model", "resnet50", "crsa")),
    Claim("ResNet50, veRSA", "0.680 [0.640, 0.718]", ("model", "resnet50", "versa")),
    Claim("ResNet50, veRSA (printed again)", "0.68 [0.63, 0.72]", ("model", "resnet50", "versa")),
    Claim("Taskonomy minus ResNet50, veRSA, t(3)", "-14.3, p < 0.001", ("taskonomy_t",)),
    Claim("BarlowTwins, cRSA", "0.367 [0.353, 0.381]", ("model", "ResNet50-BarlowTwins-BS2048_selfsupervised", "crsa")),
    Claim(
        "BarlowTwins, veRSA", "0.679 [0.637, 0.720]", ("model", "ResNet50-BarlowTwins-BS2048_selfsupervised", "versa")
    ),
    Claim(
        "contrastive minus other SSL, cRSA",
        "-0.06 [-0.04, -0.09], p < 0.001",
        ("effect", "contrastive_ssl", "crsa", "Contrastive"),
        SIGN,
    ),
    Claim(
        "contrastive minus other SSL, veRSA",
        "-0.09 [-0.07, -0.11], p < 0.001",
        ("effect", "contrastive_ssl", "versa", "Contrastive"),
        SIGN,
    ),
    Claim(
        "CLIP minus SimCLR, cRSA",
        "-0.05 [-0.06, -0.03], p < 0.001",
        ("effect", "language_alignment", "crsa", "CLIP"),
    ),
    Claim(
        "CLIP minus SimCLR, veRSA", "-0.02 [-0.04, -0.01], p = 0.005", ("effect", "language_alignment", "versa", "CLIP")
    ),
    Claim("ImageNet pairs", "14", ("pairs",), "the data hold 12 pairs"),
    Claim(
        "ImageNet-21K minus 1K, cRSA",
        "0.0 [-0.03, 0.03], p = 0.957",
        ("effect", "imagenet_size", "crsa", "imagenet21k"),
    ),
    Claim(
        "ImageNet-21K minus 1K, veRSA",
        "0.01 [0.00, 0.03], p = 0.147",
        ("effect", "imagenet_size", "versa", "imagenet21k"),
    ),
    Claim("OpenImages diet, cRSA", "-0.02 [-0.03, -0.01], p = 0.002", ("effect", "ipcl_diets", "crsa", "openimages")),
    Claim(
        "OpenImages diet, veRSA",
        "-0.04 [-0.07, -0.02], p < 0.001",
        ("effect", "ipcl_diets", "versa", "openimages"),
        "estimate and interval agree; the p that belongs to them is .0023",
    ),
    Claim("Places diet, cRSA", "-0.03 [-0.04, -0.02], p < 0.001", ("effect", "ipcl_diets", "crsa", "places256")),
    Claim("Places diet, veRSA", "-0.07 [-0.09, -0.04], p < 0.001", ("effect", "ipcl_diets", "versa", "places256")),
    Claim("faces diet, cRSA", "-0.17 [-0.18, -0.16], p < 0.001", ("effect", "ipcl_diets", "crsa", "vggface2")),
    Claim("faces diet, veRSA", "-0.27 [-0.30, -0.25], p < 0.001", ("effect", "ipcl_diets", "versa", "vggface2")),
    Claim(
        "trained minus untrained, cRSA",
        "0.30 [0.29, 0.31], p < 0.001",
        ("effect", "training", "crsa", "classification"),
    ),
    Claim(
        "trained minus untrained, veRSA",
        "0.56 [0.55, 0.75], p < 0.001",
        ("effect", "training", "versa", "classification"),
        "upper limit 0.75 is a misprint of 0.57: the interval is symmetric",
    ),
    Claim("models within 0.1 of the best, veRSA", "126", ("near_best",)),
    Claim("first rank breakpoint, veRSA", "124 [123.6, 124.7]", ("breakpoint",)),
    Claim("score at rank 124, veRSA", "0.623", ("score_at", 124)),
    Claim("ED, all models, veRSA", "0.489 [0.381, 0.580], p < 0.001", ("factor", "ed_srp", "versa", "all"), ED),
    Claim("ED, trained, veRSA", "-0.063 [-0.31, 0.099], p = 0.692", ("factor", "ed_srp", "versa", "trained"), ED),
    Claim("ED, untrained, veRSA", "-0.142 [-0.307, 0.118], p = 0.077", ("factor", "ed_srp", "versa", "random"), ED),
    Claim("models with a top-1 accuracy", "99", ("n_factor", "published_top1")),
    Claim("top-1 accuracy, cRSA", "-0.0057, p = 0.96", ("factor", "published_top1", "crsa", "trained")),
    Claim("top-1 accuracy, veRSA", "0.17, p = 0.088", ("factor", "published_top1", "versa", "trained")),
    Claim(
        "parameters, trained, cRSA",
        "-0.45, p = 0.026e7",
        ("factor", "published_count", "crsa", "trained"),
        "printed 'p = 0.026e7', which is no probability; the p that belongs to the estimate is 2.67e-7",
    ),
    Claim("parameters, trained, veRSA", "0.14, p = 0.129", ("factor", "published_count", "versa", "trained")),
    Claim("parameters, untrained, cRSA", "0.28, p = 0.0225", ("factor", "published_count", "crsa", "random")),
    Claim("parameters, untrained, veRSA", "0.083, p = 0.513", ("factor", "published_count", "versa", "random")),
    Claim(
        "raw layers of two models, mean r",
        "0.448",
        ("pairs_of_models", "crsa", "mean"),
        "0.448 is the mean over all 160 models that count as trained, while SD and lowest r are those of the top 124",
    ),
    Claim("raw layers of two models, SD", "0.148", ("pairs_of_models", "crsa", "sd")),
    Claim("raw layers of two models, lowest r", "-0.107", ("pairs_of_models", "crsa", "min")),
    Claim(
        "raw layers of two models, highest r",
        "0.983",
        ("pairs_of_models", "crsa", "max"),
        "the published similarities, those of Figure 6A too, reach 0.991",
    ),
    Claim("reweighted layers of two models, mean r", "0.881", ("pairs_of_models", "versa", "mean"), OTHER_SET),
    Claim("reweighted layers of two models, SD", "0.0313", ("pairs_of_models", "versa", "sd"), OTHER_SET),
    Claim("veRSA minus cRSA, all models", "0.23 [0.21, 0.25], p < 0.001", ("effect", "metric_effect", "all", "versa")),
    Claim(
        "veRSA minus cRSA, trained models",
        "0.30 [0.29, 0.31], p < 0.001",
        ("metric_effect_trained",),
    ),
)
