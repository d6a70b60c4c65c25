"""scikit-learn and what is built beside it: fitted estimators, searches, pipelines, boosted trees, skops."""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    manifold,
    metrics,
    mixture,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)  # fmt: skip

from tests.honest.models.libraries.kinds import kind

CHOICE = np.random.RandomState(3)
X = CHOICE.rand(40, 4)
Y = (X[:, 0] * 3).astype(int)
TEXTS = [f"the {word} of number {n}" for n, word in enumerate(["price", "model", "data", "test", "cat", "dog"] * 5)]


def keep(folder: Path, chance: random.Random, value: Any) -> None:
    """Write a fitted object by pickle or joblib."""
    if chance.random() < 0.5:
        (folder / "model.pkl").write_bytes(pickle.dumps(value, chance.randrange(2, 6)))
    else:
        joblib.dump(value, folder / "model.joblib", compress=chance.choice((0, 3)))


#: name -> how the estimators of a family are made.
FAMILIES: dict[str, list[Callable[[], Any]]] = {
    "linear": [linear_model.LinearRegression, linear_model.LogisticRegression, linear_model.Ridge, linear_model.Lasso, linear_model.SGDClassifier,
               linear_model.ElasticNet, linear_model.BayesianRidge, linear_model.Perceptron, linear_model.HuberRegressor, linear_model.RidgeCV],
    "forest": [lambda: ensemble.RandomForestClassifier(5), lambda: ensemble.ExtraTreesRegressor(5), lambda: ensemble.IsolationForest(n_estimators=5),
               lambda: ensemble.RandomForestRegressor(4)],
    "boosting": [lambda: ensemble.GradientBoostingClassifier(n_estimators=3), lambda: ensemble.HistGradientBoostingClassifier(max_iter=3),
                 lambda: ensemble.AdaBoostClassifier(n_estimators=3), lambda: ensemble.HistGradientBoostingRegressor(max_iter=3, loss="poisson")],
    "tree": [tree.DecisionTreeClassifier, tree.ExtraTreeRegressor],
    "svm": [svm.SVC, svm.LinearSVC, svm.NuSVC, svm.SVR, svm.OneClassSVM],
    "neighbours": [neighbors.KNeighborsClassifier, lambda: neighbors.KNeighborsClassifier(algorithm="kd_tree"), lambda: neighbors.KNeighborsRegressor(algorithm="ball_tree"),
                   neighbors.LocalOutlierFactor, neighbors.NearestCentroid, neighbors.KernelDensity],
    "cluster": [lambda: cluster.KMeans(3, n_init=1), cluster.DBSCAN, cluster.MeanShift, cluster.AgglomerativeClustering, lambda: cluster.Birch(n_clusters=3),
                lambda: cluster.MiniBatchKMeans(3, n_init=1), lambda: cluster.HDBSCAN(copy=True)],
    "decomposition": [lambda: decomposition.PCA(2), lambda: decomposition.TruncatedSVD(2), lambda: decomposition.NMF(2), lambda: decomposition.FastICA(2),
                      lambda: decomposition.KernelPCA(2), lambda: decomposition.LatentDirichletAllocation(2)],
    "bayes": [naive_bayes.GaussianNB, naive_bayes.MultinomialNB, naive_bayes.BernoulliNB, naive_bayes.ComplementNB],
    "gaussian process": [gaussian_process.GaussianProcessRegressor, gaussian_process.GaussianProcessClassifier],
    "mixture": [lambda: mixture.GaussianMixture(2), lambda: mixture.BayesianGaussianMixture(n_components=2)],
    "neural": [lambda: neural_network.MLPClassifier(hidden_layer_sizes=(4,), max_iter=5), lambda: neural_network.MLPRegressor(hidden_layer_sizes=(3,), max_iter=5), lambda: neural_network.BernoulliRBM(2, n_iter=1)],
    "discriminant": [discriminant_analysis.LinearDiscriminantAnalysis, discriminant_analysis.QuadraticDiscriminantAnalysis],
    "preprocessing": [preprocessing.StandardScaler, preprocessing.MinMaxScaler, preprocessing.OneHotEncoder, preprocessing.KBinsDiscretizer, preprocessing.PowerTransformer,
                      preprocessing.PolynomialFeatures, preprocessing.SplineTransformer, lambda: preprocessing.QuantileTransformer(n_quantiles=9),
                      lambda: preprocessing.FunctionTransformer(np.log1p), lambda: preprocessing.FunctionTransformer(np.sqrt, np.square), preprocessing.TargetEncoder],
    "impute": [impute.SimpleImputer, impute.KNNImputer, impute.MissingIndicator],
    "selection": [lambda: feature_selection.SelectKBest(k=2), lambda: feature_selection.SelectKBest(feature_selection.mutual_info_classif, k=2), feature_selection.VarianceThreshold,
                  lambda: feature_selection.RFE(svm.LinearSVC())],
    "meta": [lambda: multiclass.OneVsRestClassifier(svm.LinearSVC()), lambda: calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2),
             lambda: ensemble.VotingClassifier([("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier())]), lambda: ensemble.BaggingClassifier(n_estimators=3),
             lambda: ensemble.StackingClassifier([("a", naive_bayes.GaussianNB())], cv=2), lambda: semi_supervised.LabelPropagation(),
             lambda: compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1)],
    "kernels": [kernel_ridge.KernelRidge, lambda: kernel_approximation.Nystroem(n_components=4), lambda: kernel_approximation.RBFSampler(n_components=3)],
    "other": [dummy.DummyClassifier, lambda: manifold.Isomap(n_neighbors=4), lambda: cross_decomposition.PLSRegression(2), lambda: manifold.MDS(max_iter=2, n_init=1)],
}  # fmt: skip


def _enter(name: str, makers: list[Callable[[], Any]]) -> None:
    @kind(f"sklearn.{name}", 2 * len(makers))
    def fitted(folder: Path, chance: random.Random) -> None:
        model = chance.choice(makers)()
        keep(folder, chance, model.fit(X, Y))


for _name, _makers in FAMILIES.items():
    _enter(_name, _makers)


@kind("sklearn.isotonic", 3)
def monotone(folder: Path, chance: random.Random) -> None:
    keep(folder, chance, isotonic.IsotonicRegression().fit(X[:, 0], Y))


@kind("sklearn.pipeline", 12)
def pipelines(folder: Path, chance: random.Random) -> None:
    columns = compose.ColumnTransformer(
        [("n", preprocessing.StandardScaler(), [0, 1]), ("r", "passthrough", slice(2, 4))]
    )
    union = pipeline.FeatureUnion([("p", decomposition.PCA(1)), ("k", feature_selection.SelectKBest(k=1))])
    keep(folder, chance, pipeline.make_pipeline(columns, union, linear_model.LogisticRegression()).fit(X, Y))


@kind("sklearn.search", 12)
def searches(folder: Path, chance: random.Random) -> None:
    space = {"C": chance.choice((loguniform(0.1, 10), uniform(0.1, 2))), "max_iter": randint(50, 90)}
    grid = model_selection.GridSearchCV(
        tree.DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2, scoring=metrics.make_scorer(metrics.accuracy_score)
    )
    wide = model_selection.RandomizedSearchCV(linear_model.LogisticRegression(), space, n_iter=2, cv=2)
    keep(folder, chance, chance.choice((grid, wide)).fit(X, Y))


@kind("sklearn.text", 12)
def texts(folder: Path, chance: random.Random) -> None:
    maker = chance.choice(
        (
            feature_extraction.text.TfidfVectorizer,
            feature_extraction.text.CountVectorizer,
            feature_extraction.text.HashingVectorizer,
        )
    )
    given = chance.choice(
        (
            {},
            {"tokenizer": str.split, "token_pattern": None},
            {"ngram_range": (1, 2)},
            {"preprocessor": str.lower},
            {"stop_words": "english"},
        )
    )
    keep(
        folder,
        chance,
        pipeline.make_pipeline(maker(**given), linear_model.SGDClassifier()).fit(
            TEXTS, [n % 2 for n in range(len(TEXTS))]
        ),
    )


@kind("xgboost", 14)
def xgboosted(folder: Path, chance: random.Random) -> None:
    import xgboost

    model = chance.choice((xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRFRegressor))(
        n_estimators=2, max_depth=chance.choice((1, 3))
    ).fit(X, Y)
    keep(folder, chance, model)
    model.save_model(folder / f"model.{chance.choice(('json', 'ubj'))}")


@kind("lightgbm", 12)
def lightgbmed(folder: Path, chance: random.Random) -> None:
    import lightgbm

    model = chance.choice((lightgbm.LGBMClassifier, lightgbm.LGBMRegressor))(n_estimators=2, verbose=-1).fit(X, Y)
    keep(folder, chance, model)
    model.booster_.save_model(folder / "model.txt")


@kind("catboost", 8)
def catboosted(folder: Path, chance: random.Random) -> None:
    import catboost

    model = catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False).fit(X, Y)
    model.save_model(folder / f"model.{(form := chance.choice(('cbm', 'json')))}", format=form)
    keep(folder, chance, model)


@kind("skops", 10)
def skopsed(folder: Path, chance: random.Random) -> None:
    import skops.io

    model = chance.choice(FAMILIES[chance.choice(("linear", "forest", "preprocessing", "tree"))])()
    skops.io.dump(model.fit(X, Y), folder / "model.skops")


@kind("sklearn.bundles", 12)
def bundles(folder: Path, chance: random.Random) -> None:
    model = chance.choice(FAMILIES["linear"])().fit(X, Y)
    keep(
        folder,
        chance,
        {
            "model": model,
            "scaler": preprocessing.StandardScaler().fit(X),
            "columns": list("abcd"),
            "score": 0.9,
            "data": X,
        },
    )


@kind("xgboost.booster", 8)
def boosters(folder: Path, chance: random.Random) -> None:
    import xgboost

    made = xgboost.train(
        {"max_depth": 2, "objective": chance.choice(("reg:squarederror", "reg:absoluteerror"))},
        xgboost.DMatrix(X, Y),
        2,
    )
    keep(folder, chance, made)
    made.save_model(folder / "booster.json")


@kind("lightgbm.booster", 8)
def light_boosters(folder: Path, chance: random.Random) -> None:
    import lightgbm

    keep(
        folder, chance, lightgbm.train({"verbose": -1, "num_leaves": chance.randrange(2, 9)}, lightgbm.Dataset(X, Y), 2)
    )
