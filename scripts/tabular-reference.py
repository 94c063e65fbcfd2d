"""Reference numbers of scikit-learn and numpy for the tests of `tabular`.

    python3 scripts/tabular-reference.py > tabular/tests/fixtures/reference.json

Needs scikit-learn 1.9, numpy, scipy.
"""

import json
import warnings

import numpy as np
from sklearn import datasets, metrics
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.feature_selection import f_classif, f_regression
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
rng = np.random.default_rng(7)
out = {}


def listed(value):
    return np.asarray(value, dtype=float).tolist()


def metrics_of_classes(classes, rows):
    truth = rng.integers(0, classes, rows)
    scores = rng.random((rows, classes)) + 0.7 * np.eye(classes)[truth]
    # A few equal scores: ties count half.
    scores = np.round(scores, 1) + 0.05
    scores /= scores.sum(axis=1, keepdims=True)
    told = scores.argmax(axis=1)
    auc = metrics.roc_auc_score(truth, scores[:, 1]) if classes == 2 else metrics.roc_auc_score(truth, scores, multi_class="ovr")
    case = {"truth": truth.tolist(), "scores": listed(scores), "told": told.tolist(), "accuracy": metrics.accuracy_score(truth, told)}
    for average in ("weighted", "macro"):
        p, r, f, _ = metrics.precision_recall_fscore_support(truth, told, average=average, zero_division=0)
        case[average] = [p, r, f]
    return case | {
        "roc_auc": auc,
        "log_loss": metrics.log_loss(truth, scores),
        "confusion": metrics.confusion_matrix(truth, told).tolist(),
    }


def metrics_of_numbers(rows):
    truth = rng.normal(3, 2, rows)
    told = truth + rng.normal(0.3, 1, rows)
    return {
        "truth": listed(truth),
        "told": listed(told),
        "r2": metrics.r2_score(truth, told),
        "rmse": metrics.root_mean_squared_error(truth, told),
        "mae": metrics.mean_absolute_error(truth, told),
        "mape": metrics.mean_absolute_percentage_error(truth, told),
        "explained_variance": metrics.explained_variance_score(truth, told),
    }


out["classification"] = [metrics_of_classes(2, 60), metrics_of_classes(4, 90)]
out["regression"] = [metrics_of_numbers(50)]

values = np.round(rng.lognormal(1, 1, 41), 3)
out["stats"] = {
    "values": listed(values),
    "mean": values.mean(),
    "std": values.std(ddof=1),
    "min": values.min(),
    "p25": np.percentile(values, 25),
    "p50": np.percentile(values, 50),
    "p75": np.percentile(values, 75),
    "max": values.max(),
}

# Thirds of iris and of diabetes: small, real, and shipped with scikit-learn.
iris = datasets.load_iris()
x, y = iris.data[::2], iris.target[::2]
diabetes = datasets.load_diabetes(scaled=False)
u, v = diabetes.data[:120], diabetes.target[:120]
out["iris"] = {"x": listed(x), "y": y.tolist()}
out["diabetes"] = {"x": listed(u), "y": listed(v)}
out["f_classif"] = listed(f_classif(x, y)[0])
out["f_regression"] = listed(f_regression(u, v)[0])
out["scaled"] = {
    "standard": listed(StandardScaler().fit_transform(u)[:5]),
    "minmax": listed(MinMaxScaler().fit_transform(u)[:5]),
    "robust": listed(RobustScaler().fit_transform(u)[:5]),
}

z = StandardScaler().fit_transform(x)
two = y > 0
classifiers = {
    "logistic": LogisticRegression(C=0.7, tol=1e-10, max_iter=10000),
    "naive_bayes": GaussianNB(),
    "knn": KNeighborsClassifier(7, weights="distance", algorithm="brute"),
    "decision_tree": DecisionTreeClassifier(max_depth=2, random_state=0),
    "gradient_boosting": GradientBoostingClassifier(n_estimators=10, max_depth=2, random_state=0),
    "adaboost": AdaBoostClassifier(n_estimators=10, random_state=0),
}
out["probabilities"] = {name: listed(model.fit(z, y).predict_proba(z)) for name, model in classifiers.items()}
binary = {
    "logistic": classifiers["logistic"],
    "gradient_boosting": classifiers["gradient_boosting"],
    "adaboost": classifiers["adaboost"],
}
out["binary"] = {name: listed(model.fit(z[two], y[two] - 1).predict_proba(z[two])) for name, model in binary.items()}
svc = {"rbf": SVC(), "linear": SVC(kernel="linear", C=0.5), "poly": SVC(kernel="poly", degree=2, coef0=1.0)}
out["svc"] = {name: model.fit(z, y).predict(z).tolist() for name, model in svc.items()}

w = StandardScaler().fit_transform(u)
regressors = {
    "ridge": Ridge(2.5),
    "lasso": Lasso(0.8, tol=1e-12, max_iter=100000),
    "elasticnet": ElasticNet(0.3, l1_ratio=0.4, tol=1e-12, max_iter=100000),
    "knn": KNeighborsRegressor(5, algorithm="brute"),
    "svr": SVR(C=40.0, epsilon=0.5, tol=1e-8),
    "decision_tree": DecisionTreeRegressor(max_depth=3, random_state=0),
    "gradient_boosting": GradientBoostingRegressor(n_estimators=10, max_depth=2, random_state=0),
}
out["numbers"] = {name: listed(model.fit(w, v).predict(w)) for name, model in regressors.items()}
print(json.dumps(out))
