"""From numbers in a file to an RSM, at the edges: kinds, diagonals, symmetry, shapes, names."""

import h5py
import numpy as np
import pandas as pd
import pytest

from menagerie.brain.rsms.rsm_files import numbered_subjects, read_matrices, subject_names
from menagerie.brain.rsms.rsm_subjects import Rsm, common_rows, list_files, sub_rsm
from menagerie.brain.rsms.rsm_tables import read_rsm_table
from menagerie.brain.rsms.rsm_values import n_from_pairs, square, to_rsm
from menagerie.errors import MenagerieError

RSM = np.array([[1, 0.5, 0.2, -0.1], [0.5, 1, 0.3, 0.4], [0.2, 0.3, 1, 0.6], [-0.1, 0.4, 0.6, 1]])
RDM = 1 - RSM
IDS = ["a", "b", "c", "d"]


def changed(matrix, *cells):
    matrix = matrix.copy()
    for row, column, value in cells:
        matrix[row, column] = value
    return matrix


@pytest.mark.parametrize(
    ("pairs", "n"), [(1, 2), (3, 3), (6, 4), (4950, 100), (0, None), (2, None), (5, None), (7, None)]
)
def test_numbers_of_pairs(pairs, n):
    assert n_from_pairs(pairs) == n
    assert n_from_pairs(2**51) is None


def test_condensed_vectors_are_the_upper_triangle_row_by_row():
    matrix = square(np.arange(6.0))
    assert np.isnan(np.diag(matrix)).all()
    assert matrix[0, 1:].tolist() == [0, 1, 2] and matrix[1, 2:].tolist() == [3, 4] and matrix[3, 2] == 5
    np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize(("matrix", "kind"), [(RSM, "similarity"), (RDM, "dissimilarity"), (300 * RDM, "dissimilarity"),
                                              (changed(RSM, (2, 2, 1 + 5e-6)), "similarity"),
                                              (changed(RDM, (2, 2, 5e-6)), "dissimilarity"),
                                              (changed(1e-3 * RDM, (2, 2, 5e-6)), "dissimilarity"),
                                              (changed(300 * RDM, (2, 2, 2e-3)), "dissimilarity")])  # fmt: skip
def test_a_diagonal_tells_the_kind(matrix, kind):
    found, told = to_rsm(matrix, "auto", "here")
    assert told == kind
    np.testing.assert_allclose(found, matrix if kind == "similarity" else 1 - matrix, atol=1e-12)


@pytest.mark.parametrize(
    "matrix",
    [
        changed(RSM, (2, 2, 1 + 2e-5)),
        changed(RDM, (2, 2, 1.5e-5)),
        3 * RSM - 2 * np.eye(4),  # ones on the diagonal, and similarities above
        -RDM,
        changed(RDM, (0, 1, -1e-4), (1, 0, -1e-4)),
        np.where(np.eye(4) == 1, np.nan, RSM),
    ],
)
def test_a_matrix_of_no_kind_is_asked_about(matrix):
    with pytest.raises(MenagerieError, match="Say which: option kind"):
        to_rsm(matrix, "auto", "here")


def test_an_empty_diagonal_is_filled_with_what_the_kind_has_there():
    empty = np.where(np.eye(4) == 1, np.nan, RSM)
    np.testing.assert_allclose(to_rsm(empty, "similarity", "here")[0], RSM)
    np.testing.assert_allclose(to_rsm(1 - empty, "dissimilarity", "here")[0], RSM)


def test_a_diagonal_against_the_stated_kind_is_refused():
    with pytest.raises(MenagerieError, match="expected the smallest dissimilarities on the diagonal"):
        to_rsm(RSM, "dissimilarity", "here")
    with pytest.raises(MenagerieError, match="expected the largest similarities on the diagonal"):
        to_rsm(RDM, "similarity", "here")
    noisy = changed(RDM, *((k, k, 0.45) for k in range(4)))  # as distances between halves of the data
    np.testing.assert_allclose(to_rsm(noisy, "dissimilarity", "here")[0], 1 - noisy)
    with pytest.raises(MenagerieError, match="smallest dissimilarities"):
        to_rsm(changed(RDM, *((k, k, RDM.max()) for k in range(4))), "dissimilarity", "here")
    same = changed(RSM, *((k, k, -0.1) for k in range(4)))
    assert to_rsm(same, "similarity", "here")[1] == "similarity"


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.triu(RSM), "triangular"),
        (changed(RSM, (0, 2, np.nan), (2, 0, np.nan)), r"nan for images 0 and 2 .*1 pairs in all"),
        (changed(RSM, (1, 2, np.inf)), r"inf for images 1 and 2 .*1 pairs in all"),
        (changed(RSM, *((i, j, np.nan) for i, j in ((0, 1), (1, 0), (2, 3), (3, 2)))), "2 pairs in all"),
        (changed(RSM, (0, 2, 0.2 + 1e-5)), r"not symmetric \(pairs differ by up to 1e-05\)"),
        (0.3 + 0.7 * np.eye(4), "all pairs of images have the same value"),
        (0.3 + 0.7 * np.eye(4) + 1e-14 * RSM, "all pairs of images have the same value"),
    ],
)
def test_matrices_that_are_none(matrix, message):
    with pytest.raises(MenagerieError, match=f"here: .*{message}"):
        to_rsm(matrix, "similarity", "here")


def test_rounding_of_files_is_averaged_out():
    matrix = changed(RSM, (0, 2, 0.2 + 4e-6))
    found = to_rsm(matrix, "auto", "here")[0]
    assert found[0, 2] == found[2, 0] == pytest.approx(0.2 + 2e-6)
    assert to_rsm(0.3 + 0.7 * np.eye(4) + 1e-9 * (RSM - np.eye(4)), "auto", "here")[0][0, 1] == pytest.approx(0.3)


# ---- files


def save(path, values):
    np.save(path, values)
    return path


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (RDM, 1),
        (np.stack([RDM, 2 * RDM, 3 * RDM]), 3),
        (np.stack([RDM, 2 * RDM, 3 * RDM], axis=2), 3),  # as MATLAB stacks
        (np.stack([RDM, 2 * RDM, 3 * RDM, 4 * RDM]), 4),  # as many matrices as images
        (np.stack([RDM, 2 * RDM, 3 * RDM, 4 * RDM], axis=2), 4),
        (RDM[np.triu_indices(4, 1)], 1),
        (np.stack([k * RDM[np.triu_indices(4, 1)] for k in (1, 2, 3)]), 3),
        (np.stack([k * RDM[np.triu_indices(4, 1)] for k in (1, 2, 3)], axis=1), 3),
        (np.stack([k * RDM[np.triu_indices(4, 1)] for k in range(1, 7)]), 6),  # as many vectors as pairs
    ],
)
def test_matrices_of_an_array_are_counted_and_read_in_order(tmp_path, values, count):
    path = save(tmp_path / "x.npy", values)
    found = read_matrices(path, IDS)
    off = ~np.eye(4, dtype=bool)
    assert len(found) == count and subject_names(path, IDS) == [f"s{k + 1:02d}" for k in range(count)]
    for number, matrix in enumerate(found):
        values = matrix.values  # noqa: PD011
        np.testing.assert_allclose(values[off], (number + 1) * RDM[off])
    assert len({matrix.where for matrix in found}) == count


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((3, 4)),
        np.zeros(5),
        np.zeros((2, 5)),
        np.zeros((3, 3)),
        np.zeros((2, 3, 4)),
        np.zeros((2, 3, 3)),
        np.zeros((2, 1, 6)),
    ],
)
def test_other_shapes_are_refused(tmp_path, values):
    with pytest.raises(MenagerieError, match="expected 4 x 4 for the 4 images, vectors of 6 pairs"):
        read_matrices(save(tmp_path / "x.npy", values), IDS)


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def test_three_images_have_as_many_pairs_and_are_a_matrix_still(tmp_path):
    path = save(tmp_path / "x.npy", RDM[:3, :3])
    (found,) = read_matrices(path, IDS[:3])
    np.testing.assert_array_equal(found.values, RDM[:3, :3])
    assert subject_names(path, IDS[:3]) == ["s01"]


@pytest.mark.parametrize("rdm", [RDM, RDM[np.triu_indices(4, 1)], RDM[np.triu_indices(4, 1)][None]])
def test_of_several_variables_that_of_the_images_is_read(tmp_path, rdm):
    """Beside the RDM: features of these images, a matrix of other things, numbers."""
    path = write_hdf5(tmp_path / "x.h5", rdm=rdm, features=np.ones((4, 9)), other=np.eye(9), p=np.ones(7), k=3.0)
    (found,) = read_matrices(path, IDS)
    np.testing.assert_array_equal(found.values[np.triu_indices(4, 1)], RDM[np.triu_indices(4, 1)])  # noqa: PD011
    assert found.where == f"{path}, rdm" and subject_names(path, IDS) == ["s01"]
    with pytest.raises(MenagerieError, match=r"found shape \(7,\), expected 4 x 4 for the 4 images"):
        read_matrices(path, IDS, variable="p")


@pytest.mark.parametrize("stacked", [(RDM[:3, :3],), (RDM[:3, :3], 2 * RDM[:3, :3])])
@pytest.mark.parametrize("axis", [0, 2])
def test_a_variable_of_some_images_is_read_by_their_names(tmp_path, stacked, axis):
    rdms = stacked[0] if len(stacked) == 1 else np.stack(stacked, axis=axis)
    path = write_hdf5(
        tmp_path / "x.h5", rdm=rdms, corner=np.eye(2), features=np.ones((3, 9)), p=np.ones(5), images=IDS[:3]
    )
    found = read_matrices(path, IDS)
    assert [matrix.images for matrix in found] == [tuple(IDS[:3])] * len(stacked)
    for matrix, expected in zip(found, stacked, strict=True):
        np.testing.assert_array_equal(matrix.values, expected)


def test_names_of_subjects_have_as_many_digits_as_there_are():
    assert numbered_subjects(2) == ["s01", "s02"] and numbered_subjects(100)[0] == "s001"


def csv(path, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("index", [True, False])
def test_tables_with_names_of_rows_or_columns(tmp_path, header, index):
    order = [2, 0, 3, 1]
    rows = [[IDS[i], *RSM[i]] if index else [*RSM[i]] for i in range(4)]
    if header and index:
        rows = [["", *(IDS[k] for k in order)], *([IDS[i], *RSM[i][order]] for i in range(4))]
    elif header:
        rows = [IDS, *rows]
    values, names = read_rsm_table(csv(tmp_path / "x.csv", rows))
    np.testing.assert_allclose(values, RSM)
    assert names == (tuple(IDS) if header or index else None)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_numbers_of_rows_are_no_names(tmp_path, first):
    labels = [str(number) for number in range(first, first + 4)]
    for names in (labels, [f"V{label}" for label in labels], [f"X{label}" for label in labels]):
        rows = [["", *names], *([name, *row] for name, row in zip(names, RSM, strict=True))]
        assert read_rsm_table(csv(tmp_path / "x.csv", rows))[1] == (None if first < 2 else tuple(names))


def test_tables_in_one_row_or_column_are_vectors(tmp_path):
    vector = RDM[np.triu_indices(4, 1)]
    for rows in ([vector], [[value] for value in vector]):
        values, names = read_rsm_table(csv(tmp_path / "x.csv", rows))
        np.testing.assert_allclose(values, vector)
        assert names is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["", "a", "a"], ["a", 1, 2], ["b", 2, 1]], "image 'a' is there twice"),
        ([["", "a", "b"], ["a", 1, 2], ["c", 2, 1]], "a row 'c' without a column"),
        ([[1, 2, 3], [2, 1, 3], [3, 4], [5, 6]], "rows of 2 to 3 cells"),
        ([[1, 2, 3, 4], [2, 1, 3, 4]], "2 rows and 4 columns"),
        ([[1, "x"], [2, 1]], "row 1, column 1 of the numbers|expected"),
        ([[1, 2, 3], [2, "1_0", 3], [3, 3, 1]], "expected a number, found '1_0'"),
    ],
)
def test_tables_that_are_none(tmp_path, rows, message):
    with pytest.raises(MenagerieError, match=message):
        read_rsm_table(csv(tmp_path / "x.csv", rows))


def test_a_column_of_names_may_stand_anywhere(tmp_path):
    frame = pd.DataFrame(RSM, columns=IDS)
    frame.insert(2, "image", IDS)
    frame.to_csv(tmp_path / "x.csv", index=False)
    values, names = read_rsm_table(tmp_path / "x.csv")
    np.testing.assert_allclose(values, RSM)
    assert names == tuple(IDS)


def test_empty_cells_are_nan(tmp_path):
    values, names = read_rsm_table(csv(tmp_path / "x.csv", [["nan", 0.5, 0.1], [0.5, "NA", 0.2], [0.1, 0.2, ""]]))
    assert np.isnan(np.diag(values)).all() and values[0, 2] == 0.1 and names is None
    named = [["", "a", "b"], ["a", "NA", 0.5], ["b", 0.5, "NA"]]
    values, names = read_rsm_table(csv(tmp_path / "x.csv", named))
    assert np.isnan(np.diag(values)).all() and values[0, 1] == 0.5 and names == ("a", "b")


@pytest.mark.parametrize("blank", ["NA", "", " "])
@pytest.mark.parametrize("off", [(0.5, 0.1, 0.2), (3, 3, 5)])
def test_numbers_in_the_first_row_are_no_names_of_images(tmp_path, blank, off):
    """Nothing in the corner, as above names; but images are not named 0.5 each, nor 3 twice."""
    a, b, c = off
    values, names = read_rsm_table(csv(tmp_path / "x.csv", [[blank, a, b], [a, blank, c], [b, c, blank]]))
    assert names is None and values[np.triu_indices(3, 1)].tolist() == list(off) and np.isnan(np.diag(values)).all()


@pytest.mark.parametrize("diagonal", ["NA", 1])
def test_numbers_may_name_images(tmp_path, diagonal):
    rows = [["", 1001, 7, 3], [1001, diagonal, 0.5, 0.1], [7, 0.5, diagonal, 0.2], [3, 0.1, 0.2, diagonal]]
    values, names = read_rsm_table(csv(tmp_path / "x.csv", rows))
    assert names == ("1001", "7", "3") and values[np.triu_indices(3, 1)].tolist() == [0.5, 0.1, 0.2]
    mixed = [[0, "a", 7, 3], *(["a", 7, 3][k : k + 1] + row[1:] for k, row in enumerate(rows[1:]))]
    assert read_rsm_table(csv(tmp_path / "z.csv", mixed))[1] == ("a", "7", "3")
    frames = [["", 0.5, 1.5], [0.5, 1, 0.2], [1.5, 0.2, 1]]  # a diagonal that is there is below names
    assert read_rsm_table(csv(tmp_path / "y.csv", frames))[1] == ("0.5", "1.5")


# ---- folders


def test_files_of_a_folder_are_those_of_rsms(tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "images").mkdir()
    save(tmp_path / "images" / "x.npy", RDM)
    for name in ("IT.npy", "V10.npy", "V2.npy"):
        save(tmp_path / "anna" / name, RDM)
    for name in ("notes.txt", ".DS_Store", "._IT.npy", "images.csv"):
        (tmp_path / "anna" / name).write_text("x")
    (tmp_path / "anna" / "deeper.npy").mkdir()
    found = [(one.path.name, one.subject) for one in list_files(tmp_path)]
    assert [name for name, _ in found if name != "images.csv"] == ["IT.npy", "V2.npy", "V10.npy"]
    assert {subject for _, subject in found} == {"anna"}
    save(tmp_path / "IT.npy", RDM)
    with pytest.raises(MenagerieError, match="expected either one file a region"):
        list_files(tmp_path)


def test_files_that_may_hold_code_are_refused(tmp_path):
    save(tmp_path / "IT.npy", RDM)
    (tmp_path / "V1.pkl").write_bytes(b"x")
    with pytest.raises(MenagerieError, match=r"V1.pkl: found a file that may hold code"):
        list_files(tmp_path)


def rsm_of(rows, where="x"):
    return Rsm(RSM[: len(rows), : len(rows)], np.array(rows), "", "similarity", where)


def test_matrices_of_a_subject_are_of_the_same_images():
    same = [rsm_of([0, 1, 3]), rsm_of([0, 1, 3]), rsm_of([0, 1, 3])]
    assert common_rows(same).tolist() == [0, 1, 3]
    for other in ([0, 1, 2], [0, 1], [0, 1, 2, 3]):
        with pytest.raises(MenagerieError, match=rf"z: found {len(other)} images, expected the 3 of x"):
            common_rows([*same, rsm_of(other, "z")])


def test_part_of_an_rsm_is_that_of_the_wanted_images():
    rows = np.array([2, 5, 7, 9])
    np.testing.assert_array_equal(sub_rsm(RSM, rows, np.array([5, 9])), RSM[np.ix_([1, 3], [1, 3])])
    np.testing.assert_array_equal(sub_rsm(RSM, rows, rows), RSM)
    assert sub_rsm(RSM, rows, np.array([5, 6])) is None
