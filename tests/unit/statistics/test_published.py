"""The published tables as a run's own: downloads, missing files, and what is known of which model."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.compute as pc
import pytest

from menagerie.errors import MenagerieError
from menagerie.files.download import Patience
from menagerie.models.registry import read_registry
from menagerie.statistics.benchmark import CEILINGS, FILES, fetch_published, published_files, require_published
from menagerie.statistics.published import model_table, read_published, score_table, similarity_tables
from menagerie.survey.config import load_config
from menagerie.survey.contents import Survey

QUICK = Patience(attempts=1, timeout=5.0)


@pytest.fixture
def server(tmp_path):
    """A server with two files, as the authors' repository has them."""
    root = tmp_path / "home"
    (root / "figure_data").mkdir(parents=True)
    (root / "figure_data" / "one.csv").write_bytes(b"a,b\n1,2\n")
    (root / "two.csv").write_bytes(b"c\n3\n")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/", root
        running.shutdown()


def digests(root):
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in ("figure_data/one.csv", "two.csv")}


def test_files_are_downloaded_once_and_checked(server, tmp_path):
    url, root = server
    files = digests(root)
    fetch_published(url, tmp_path / "copy", files, QUICK)
    assert (tmp_path / "copy" / "figure_data" / "one.csv").read_bytes() == b"a,b\n1,2\n"
    (root / "two.csv").unlink()
    fetch_published(url, tmp_path / "copy", files, QUICK)  # nothing is asked for again


def test_a_file_with_other_bytes_is_refused_and_not_kept(server, tmp_path):
    url, root = server
    files = digests(root)
    (root / "two.csv").write_bytes(b"c\n4\n")
    with pytest.raises(MenagerieError, match=r"two\.csv: expected SHA-256 \w+, found"):
        fetch_published(url, tmp_path / "copy", files, QUICK)
    assert not (tmp_path / "copy" / "two.csv").exists()


def test_a_file_of_the_user_stays(server, tmp_path):
    url, root = server
    (tmp_path / "two.csv").write_bytes(b"mine")
    with pytest.raises(MenagerieError, match=r"two\.csv: expected SHA-256 \w+, found.*move it away"):
        fetch_published(url, tmp_path, digests(root), QUICK)
    assert (tmp_path / "two.csv").read_bytes() == b"mine"


def test_a_missing_file_is_named(server, tmp_path):
    url, root = server
    with pytest.raises(MenagerieError, match=r"three\.csv could not be downloaded: the server answered 404"):
        fetch_published(url, tmp_path / "copy", {**digests(root), "three.csv": "0"}, QUICK)


def test_a_folder_that_lacks_files_is_refused_by_name(tmp_path):
    with pytest.raises(MenagerieError, match=r"Config key published\.folder: .*there is no such folder"):
        require_published(tmp_path / "nowhere", "published.folder")
    for name in list(FILES)[1:]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(MenagerieError, match=rf"it lacks {next(iter(FILES))} \(1 of {len(FILES)} files"):
        require_published(tmp_path, "published.folder")
    assert CEILINGS not in published_files(tmp_path)


def test_the_checked_files_are_those_that_lie_here(shared):
    require_published(shared / "published", "published.folder")
    for name, path in published_files(shared / "published").items():
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        assert digest == FILES.get(name, digest), name


PUBLISHED = {"run": "p", "scores": {"nsd": {"survey": {"folder": "there"}}}}


def test_a_config_takes_either_models_and_datasets_or_the_published_tables(root):
    survey = Survey.from_config(PUBLISHED | {"registry": str(root / "config" / "models.tsv")})
    assert len(survey.models) == 224 and list(survey.datasets) == ["nsd"]
    assert survey.survey_dataset == "nsd" and survey.published_folder == "there"
    with pytest.raises(MenagerieError, match="key models has no place beside scores"):
        load_config(PUBLISHED | {"models": ["a"]})
    with pytest.raises(MenagerieError, match="'datasets' is a required property"):
        load_config({"run": "p", "models": ["a"]})
    with pytest.raises(MenagerieError, match="Did you mean 'folder'"):
        load_config({"run": "p", "scores": {"nsd": {"survey": {"folders": "there"}}}})
    with pytest.raises(MenagerieError, match="expected tables with columns, or survey"):
        load_config({"run": "p", "scores": {"nsd": {"columns": {"score": "r"}}}})
    with pytest.raises(MenagerieError, match="key of an older version, expected scores"):
        load_config({"run": "p", "published": {}})


@pytest.fixture(scope="module")
def registry(root):
    return root / "config" / "models.tsv"


@pytest.fixture(scope="module")
def published(shared, registry):
    return read_published(shared / "published", registry)


def test_a_model_has_scores_by_subject_or_their_mean_never_both(published):
    table = score_table(published).to_pandas()
    rows = table[table["metric"].isin(["crsa", "versa"])]
    subjects = rows.groupby(["model", "metric"])["subject"].agg(frozenset)
    assert subjects.value_counts().to_dict() == {frozenset("1257"): 236, frozenset({"mean"}): 212}
    assert set(table.loc[table["metric"] == "encoding_r", "subject"]) == {"mean"}


def test_ceilings_are_those_of_the_paper_and_give_what_is_explained(published):
    table = score_table(published)
    on_rsms = table.filter(pc.field("metric") != "encoding_r").to_pandas()
    assert on_rsms.groupby("subject")["noise_ceiling"].nunique().eq(1).all()
    ceiling = on_rsms.groupby("subject")["noise_ceiling"].first().drop("mean").mean()
    assert round(ceiling, 3) == 0.800
    expected = (on_rsms["score"].clip(lower=0) / ceiling) ** 2
    assert (on_rsms["explained"] - expected).abs().max() < 1e-12
    assert table.filter(pc.field("metric") == "encoding_r")["noise_ceiling"].null_count == 224


def test_without_a_file_of_ceilings_none_is_known(published):
    from dataclasses import replace

    table = score_table(replace(published, ceilings=published.ceilings[:0]))
    assert table["noise_ceiling"].null_count == table["explained"].null_count == len(table)


def test_models_have_the_registrys_labels_and_the_published_dimensions(published, registry):
    specs = [spec for spec in read_registry(registry).values() if spec.metadata["published_id"]]
    table = model_table(published, [spec.as_row() for spec in specs]).to_pandas()
    assert len(table) == 224 and table["ed_raw"].notna().all()
    assert table.set_index("id").loc["random_weights_taskonomy", "training"] == "random"


def test_similarities_hold_every_pair_once(shared, registry):
    pairs, places = similarity_tables(shared / "published", registry)
    assert len(pairs) == 2 * 224 * 223 // 2 and pairs["r"].between(-1, 1).all()
    assert len(places) == 2 * 224 and places[["x", "y"]].notna().all().all()
    assert set(pairs["subject"]) == {"mean"}
