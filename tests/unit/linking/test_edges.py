"""Which rows the grid of penalties bounds, and what a log says of them."""

from menagerie.linking.edges import EDGE, at_edge, edge_lines


def row(index, low, high, region="V4", split="even_odd"):
    shares = {"at_lowest_penalty": low, "at_highest_penalty": high}
    return {"layer_index": index, "region": region, "split": split} | shares


def test_a_share_above_the_threshold_counts():
    assert [at_edge(row(0, *shares)) for shares in ((EDGE, 0.0), (0.21, 0.0), (0.0, 0.5), (None, None))] == [
        "",
        "smallest",
        "largest",
        "",
    ]


def test_lines_count_layers_by_region_and_end():
    rows = [row(0, 0.5, 0.0), row(0, 0.5, 0.0), row(1, 0.0, 0.1), row(2, 0.0, 0.9), row(2, 0.0, 0.9, region="IT")]
    rows.append(row(3, None, None))
    lines = edge_lines(rows)
    assert [line.split(";")[0] for line in lines] == [
        "V4, split even_odd: more than 20% of units choose the smallest penalty in 1 of 3 layers",
        "V4, split even_odd: more than 20% of units choose the largest penalty in 1 of 3 layers",
        "IT, split even_odd: more than 20% of units choose the largest penalty in 1 of 1 layers",
    ]
    assert edge_lines([row(0, 0.1, 0.1)]) == []
