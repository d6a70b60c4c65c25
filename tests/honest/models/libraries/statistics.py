"""statsmodels, lifelines, gensim, river and the like."""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.honest.models.libraries.kinds import kind

CHOICE = np.random.RandomState(5)
FRAME = pd.DataFrame(CHOICE.rand(60, 3), columns=["y", "a", "b"])
SENTENCES = [f"the {word} of the {word}s is a model {n}".split() for n, word in enumerate(["cat", "dog", "fox"] * 8)]


def dump(folder: Path, chance: random.Random, value: Any, name: str = "model.pkl") -> None:
    """Write a pickle in one of the protocols that are met."""
    (folder / name).write_bytes(pickle.dumps(value, chance.randrange(2, 6)))


@kind("statsmodels.linear", 12)
def linear(folder: Path, chance: random.Random) -> None:
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    made = chance.choice((
        lambda: sm.OLS(FRAME.y, sm.add_constant(FRAME[["a", "b"]])), lambda: smf.ols("y ~ a + np.log(b + 1)", FRAME), lambda: sm.GLM(FRAME.y, FRAME[["a"]]),
        lambda: sm.Logit((FRAME.y > 0.5) * 1, FRAME[["a", "b"]]), lambda: sm.RLM(FRAME.y, FRAME[["a"]]),
    ))()  # fmt: skip
    made.fit().save(str(folder / "model.pickle"))


@kind("statsmodels.time", 8)
def series(folder: Path, chance: random.Random) -> None:
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.holtwinters import ExponentialSmoothing
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    maker = chance.choice(
        (
            lambda: ARIMA(FRAME.y, order=(1, 0, 0)),
            lambda: ExponentialSmoothing(FRAME.y),
            lambda: SARIMAX(FRAME.y, order=(1, 0, 0)),
        )
    )
    dump(folder, chance, maker().fit())


@kind("lifelines", 8)
def survival(folder: Path, chance: random.Random) -> None:
    import lifelines

    fitters = (
        lifelines.KaplanMeierFitter,
        lifelines.WeibullFitter,
        lifelines.NelsonAalenFitter,
        lifelines.ExponentialFitter,
    )
    if chance.random() < 0.4:
        made = lifelines.CoxPHFitter().fit(FRAME.assign(e=1), "y", "e")
    else:
        made = chance.choice(fitters)().fit(FRAME.y)
    dump(folder, chance, made)


@kind("gensim.words", 10)
def words(folder: Path, chance: random.Random) -> None:
    from gensim.models import Doc2Vec, FastText, Word2Vec
    from gensim.models.doc2vec import TaggedDocument

    if chance.random() < 0.3:
        made = Doc2Vec(
            [TaggedDocument(line, [n]) for n, line in enumerate(SENTENCES)], vector_size=5, min_count=1, epochs=1
        )
    else:
        made = chance.choice((Word2Vec, FastText))(SENTENCES, vector_size=6, min_count=1, epochs=1)
    made.save(str(folder / "words.model"))
    made.wv.save(str(folder / "words.kv"))
    made.wv.save_word2vec_format(str(folder / "words.bin"), binary=True)


@kind("gensim.topics", 8)
def topics(folder: Path, chance: random.Random) -> None:
    from gensim.corpora import Dictionary
    from gensim.models import LdaModel, LsiModel, TfidfModel
    from gensim.models.phrases import Phrases

    known = Dictionary(SENTENCES)
    rows = [known.doc2bow(line) for line in SENTENCES]
    known.save(str(folder / "known.dict"))
    Phrases(SENTENCES, min_count=1).save(str(folder / "phrases.pkl"))
    chance.choice((LdaModel, LsiModel))(rows, id2word=known, num_topics=2).save(str(folder / "topics.model"))
    TfidfModel(rows).save(str(folder / "tfidf.model"))


@kind("river", 10)
def streams(folder: Path, chance: random.Random) -> None:
    from river import compose, linear_model, naive_bayes, neighbors, preprocessing, tree

    model = chance.choice((
        lambda: compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()), naive_bayes.GaussianNB, tree.HoeffdingTreeClassifier,
        neighbors.KNNClassifier, lambda: compose.Pipeline(preprocessing.MinMaxScaler(), linear_model.PAClassifier()),
    ))()  # fmt: skip
    for n in range(30):
        model.learn_one({"a": n % 7, "b": n / 3}, n % 2)
    dump(folder, chance, model)


@kind("networkx", 4)
def graphs(folder: Path, chance: random.Random) -> None:
    import networkx

    dump(folder, chance, networkx.gnp_random_graph(8, 0.4, chance.randrange(9)), "graph.gpickle")


@kind("formulaic", 4)
def formulas(folder: Path, chance: random.Random) -> None:
    import patsy

    dump(
        folder,
        chance,
        {"columns": list(patsy.dmatrix("a + C(a > 0.5)", FRAME).design_info.column_names), "frame": FRAME.head()},
    )
