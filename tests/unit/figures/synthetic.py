"""Synthetic tables with the shape of a real run: models, their layers and their scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from menagerie.linking.measures.table import TABLE
from menagerie.linking.schemas import SCHEMAS


def models(n_models: int) -> pd.DataFrame:
    """Models table; every third model has random weights."""
    classes = ["Convolutional", "Transformer", "Hybrid"]
    rows = []
    for i in range(n_models):
        random = i % 3 == 2
        name = f"{['ResNet', 'ViT-Large', 'RegNet-64Gf-SEER-INFT', 'ConvNeXt'][i % 4]}-{i}"
        rows.append(
            {
                "id": f"model_{i:03d}" + ("_random" if random else ""),
                "display_name": name,
                "architecture_class": classes[i % 3],
                "training": "random" if random else "trained",
                "task": "random" if random else "classification",
                "data": "" if random else "imagenet",
                "parameters": 1_000_000 * (i + 1),
                "top1": np.nan if random else 60 + i % 30,
            }
        )
    return pd.DataFrame(rows)


def scores(
    n_models: int,
    *,
    regions=("early", "late"),
    metrics=("crsa", "versa", "encoding_r"),
    n_subjects: int = 4,
    n_layers: int = 12,
    ceiling: bool = True,
    dataset: str = "nsd",
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(layer_scores, model_scores) of ``n_models`` models, profiles with a peak per region."""
    rng = np.random.default_rng(seed)
    table = models(n_models)
    depth = np.linspace(0, 1, n_layers)
    layer_rows, model_rows = [], []
    for i, (model, training) in enumerate(zip(table["id"], table["training"], strict=True)):
        strength = (0.05 if training == "random" else 0.42) * (1 - 0.5 * i / n_models) + rng.normal(0, 0.01)
        for r, region in enumerate(regions):
            for metric in metrics:
                factor = {"crsa": 0.6, "versa": 1.0}.get(metric, 0.7)
                for s in range(n_subjects):
                    peak = (0.3, 0.75)[r % 2] + rng.normal(0, 0.05)
                    test = strength * factor * np.exp(-(((depth - peak) / 0.4) ** 2)) + 0.01 * s
                    train = test + rng.normal(0, 0.01, n_layers)
                    test = test + rng.normal(0, 0.01, n_layers)
                    who = {"dataset": dataset, "subject": f"S{s + 1}", "model": model, "region": region}
                    for layer in range(n_layers):
                        for part, values in (("train", train), ("test", test)):
                            layer_rows.append(
                                {
                                    **who,
                                    "layer": f"blocks.{layer}",
                                    "layer_index": layer,
                                    "depth": depth[layer],
                                    "metric": metric,
                                    "split": "even_odd",
                                    "fold": 0,
                                    "part": part,
                                    "score": values[layer],
                                    "n_images": 500,
                                    "n_units": 900,
                                    "status": "ok",
                                }
                            )
                    best = int(train.argmax())
                    top = 0.8 + 0.02 * s if ceiling and TABLE[metric].ceiling else np.nan
                    model_rows.append(
                        {
                            **who,
                            "metric": metric,
                            "split": "even_odd",
                            "n_folds": 1,
                            "selected_on": "train",
                            "layer": f"blocks.{best}",
                            "layer_index": best,
                            "depth": depth[best],
                            "train_score": train[best],
                            "score": test[best],
                            "ci_low": test[best] - 0.03,
                            "ci_high": test[best] + 0.03,
                            "noise_ceiling": top,
                            "ceiling_low": top - 0.05,
                            "ceiling_high": top + 0.03,
                            "explained": (test[best] / 0.83) ** 2 if ceiling else np.nan,
                            "n_images": 500,
                            "n_units": 900,
                            "status": "ok",
                        }
                    )
    layers = pd.DataFrame(layer_rows).reindex(columns=SCHEMAS["layer_scores"].names)
    return layers, pd.DataFrame(model_rows).reindex(columns=SCHEMAS["model_scores"].names)


def label_boxes(figure) -> list[tuple[str, object]]:
    """Text and pixel box of every visible label of a figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    hidden = set().union(*(_undrawn(axis) for ax in figure.findobj(Axes) for axis in (ax.xaxis, ax.yaxis)))
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text not in hidden]


def _undrawn(axis) -> set[Text]:
    """Tick labels that exist but are not drawn: beyond the axis limits, or on the side without labels."""
    low, high = sorted(axis.get_view_interval())
    hidden = set()
    for tick in (*axis.majorTicks, *axis.minorTicks):
        drawn = low - 1e-9 <= tick.get_loc() <= high + 1e-9
        hidden |= {label for label in (tick.label1, tick.label2) if not drawn or not label.get_visible()}
    return hidden


def overlaps(boxes) -> list[tuple[str, str]]:
    """Pairs of labels whose boxes share more than a pixel in both directions."""
    edges = np.array([[b.x0, b.y0, b.x1, b.y1] for _, b in boxes])
    wide = np.minimum(edges[:, None, 2], edges[None, :, 2]) - np.maximum(edges[:, None, 0], edges[None, :, 0])
    high = np.minimum(edges[:, None, 3], edges[None, :, 3]) - np.maximum(edges[:, None, 1], edges[None, :, 1])
    first, second = np.nonzero(np.triu((wide > 1) & (high > 1), k=1))
    return [(boxes[i][0], boxes[j][0]) for i, j in zip(first, second, strict=True)]


def outside(figure, boxes) -> list[str]:
    """Labels that reach beyond the edge of the figure."""
    width, height = figure.canvas.get_width_height()
    return [text for text, b in boxes if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1]
