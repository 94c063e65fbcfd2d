"""What LightGBM and XGBoost tell of iris and diabetes at given settings, for the tests of `tabular`.

    python3 scripts/tabular-boosters.py > tabular/tests/fixtures/boosters.json

Needs lightgbm 4.7.0 and xgboost-cpu 3.2.0 (the versions that scripts/setup.sh fetches), scikit-learn 1.9, numpy.
"""

import json

import lightgbm as lgb
import numpy as np
import xgboost as xgb
from sklearn import datasets

SAME = {"verbosity": -1, "deterministic": True, "force_col_wise": True, "num_threads": 2, "seed": 42}
LIGHTGBM = {"learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 10, "lambda_l2": 0.5}
XGBOOST = {"learning_rate": 0.3, "max_depth": 3, "reg_lambda": 2.0, "min_child_weight": 2.0, "tree_method": "hist", "verbosity": 0, "nthread": 2, "seed": 42}
ROUNDS = 25


def listed(values):
    return np.asarray(values, dtype=float).reshape(len(values), -1).tolist()


def told(x, y, classes):
    light = {"objective": {0: "regression", 2: "binary"}.get(classes, "multiclass")} | ({"num_class": classes} if classes > 2 else {})
    extreme = {"objective": {0: "reg:squarederror", 2: "binary:logistic"}.get(classes, "multi:softprob")} | ({"num_class": classes} if classes > 2 else {})
    lightgbm = lgb.train(SAME | LIGHTGBM | light, lgb.Dataset(x, y), num_boost_round=ROUNDS)
    xgboost = xgb.train(XGBOOST | extreme, xgb.DMatrix(x, y), num_boost_round=ROUNDS)
    both = lambda p: p if classes != 2 else np.stack([1 - p, p], axis=1)
    return {
        "lightgbm": listed(both(lightgbm.predict(x))),
        "xgboost": listed(both(xgboost.predict(xgb.DMatrix(x)))),
        # Exact SHAP values of the sums, feature by feature, then the base: of the first rows.
        "lightgbm_shap": listed(lightgbm.predict(x[:5], pred_contrib=True)),
        "xgboost_shap": listed(xgboost.predict(xgb.DMatrix(x[:5]), pred_contribs=True)),
    }


iris, diabetes = datasets.load_iris(), datasets.load_diabetes(scaled=False)
two = iris.target[::2] > 0
out = {
    "iris": told(iris.data[::2], iris.target[::2], 3),
    "binary": told(iris.data[::2][two], iris.target[::2][two] - 1, 2),
    "diabetes": told(diabetes.data[:120], diabetes.target[:120], 0),
}
print(json.dumps(out, separators=(",", ":")))
