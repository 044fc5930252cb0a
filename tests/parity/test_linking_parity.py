"""Linking against other implementations: scikit-learn refits and, where installed, rsatoolbox."""

import numpy as np
import pytest

from menagerie.linking.ridge import loo_ridge
from menagerie.linking.rsm import rsm, rsm_similarity

PENALTIES = tuple(np.logspace(1, 7, 7))


@pytest.fixture(scope="module")
def data():
    """Standardised features (24 train, 10 new images; power-law spectrum) and responses of six units."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((34, 600)) * 30 * np.arange(1, 601) ** -0.7
    responses = features @ generator.standard_normal((600, 6)) / 60 + generator.standard_normal((34, 6)) + 2
    return features[:24], features[24:], responses[:24]


def test_loo_and_choice_equal_scikit_learn_refits(data):
    from sklearn.linear_model import Ridge

    x, _, y = data
    refits = np.empty((len(PENALTIES), *y.shape))
    for a, penalty in enumerate(PENALTIES):
        for image in range(len(x)):
            rest = np.arange(len(x)) != image
            refits[a, image] = Ridge(alpha=penalty).fit(x[rest], y[rest]).predict(x[image : image + 1])[0]
    r = np.array([[np.corrcoef(refits[a, :, u], y[:, u])[0, 1] for u in range(6)] for a in range(len(PENALTIES))])
    fit = loo_ridge((x @ x.T).astype(np.float32), y.astype(np.float32), PENALTIES)
    assert fit.choice.tolist() == r.argmax(axis=0).tolist()
    np.testing.assert_allclose(fit.loo_r, r.max(axis=0), atol=1e-5)
    np.testing.assert_allclose(fit.loo_predictions, refits[fit.choice, :, np.arange(6)].T, atol=2e-5)


def test_predictions_equal_scikit_learn(data):
    from sklearn.linear_model import Ridge

    x, new, y = data
    fit = loo_ridge((x @ x.T).astype(np.float32), y.astype(np.float32), PENALTIES)
    found = fit.predict((new @ x.T).astype(np.float32))
    for unit, penalty in enumerate(fit.penalty):
        expected = Ridge(alpha=penalty).fit(x, y[:, unit]).predict(new)
        np.testing.assert_allclose(found[:, unit], expected, atol=5e-5)


def test_squared_error_of_loo_equals_scikit_learn_ridge_cv(data):
    from sklearn.linear_model import RidgeCV

    x, _, y = data
    reference = RidgeCV(alphas=[1e3], store_cv_results=True, gcv_mode="svd").fit(x, y)
    fit = loo_ridge(x @ x.T, y, (1e3,))
    np.testing.assert_allclose((fit.loo_predictions - y) ** 2, reference.cv_results_[:, :, 0], rtol=1e-8, atol=1e-10)


def test_rsm_and_its_comparison_equal_rsatoolbox(data):
    rsatoolbox = pytest.importorskip("rsatoolbox", reason="rsatoolbox is not installed (it is no dependency)")
    x, _, y = data
    rdms = [
        rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(patterns.astype(float)), method="correlation")
        for patterns in (x, y)
    ]
    ours = [rsm(patterns.astype(np.float32)) for patterns in (x, y)]
    for theirs, found in zip(rdms, ours, strict=True):
        np.testing.assert_allclose(1 - found, theirs.get_matrices()[0], atol=2e-6)
    expected = rsatoolbox.rdm.compare(*rdms, method="corr")[0, 0]
    assert rsm_similarity(*ours) == pytest.approx(expected, abs=1e-6)
