"""Open a finished run: its scores, its best layers, and a layer's own matrices.

python examples/open_a_run.py results/demo
"""

import sys
from pathlib import Path

import pandas as pd

from menagerie.files.geometry import GeometryFile

run = Path(sys.argv[1] if len(sys.argv) > 1 else "results/demo")
scores = pd.read_parquet(run / "tables" / "model_scores.parquet")
scores = scores[scores["status"] == "ok"]
board = scores.pivot_table("score", ["dataset", "region", "model"], "metric")
print(board.round(3).to_string())

best = scores.sort_values("score").iloc[-1]
print(f"\nBest: {best['model']}, layer {best['layer']}, {best['metric']} in {best['subject']}: {best['score']:.3f}")
container = sorted((run / "geometry").glob(f"*/{best['model']}.h5"))[0]
with GeometryFile(container) as geometries:
    layer = geometries.read(int(best["layer_index"]))
    print(f"Its RSM over {len(geometries.image_ids)} images has a mean of {layer.rsm().mean():.3f}.")
