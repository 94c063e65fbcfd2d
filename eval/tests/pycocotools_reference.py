#!/usr/bin/env python3
"""Reference metrics from pycocotools itself, for the equality test (tests/it/pycocotools.rs runs this).

usage: pycocotools_reference.py TRUTH.json RESULTS.json MAX_DETECTIONS [--only-coco] > metrics.json
       pycocotools_reference.py --check        exits 0 when pycocotools can be imported

Also the other definition users know: average precision by linear interpolation of the anchored envelope at 101 points
and the trapezoid rule, each prediction matched to the true box it overlaps most. Written here with numpy from its
definition in docs/metrics.md, independently of the Rust code.
"""

import contextlib
import json
import sys
import time

if sys.argv[1:] == ["--check"]:
    import pycocotools.cocoeval  # noqa: F401

    sys.exit(0)

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def mean(values):
    values = values[values > -1]
    return float(np.mean(values)) if values.size else None


def coco_metrics(evaluator):
    precision, recall = evaluator.eval["precision"], evaluator.eval["recall"]  # [T,R,K,A,M], [T,K,A,M]
    metrics = {
        "map50_95": mean(precision[:, :, :, 0, -1]),
        "map50": mean(precision[0, :, :, 0, -1]),
        "map75": mean(precision[5, :, :, 0, -1]),
    }
    for area, name in enumerate(["small", "medium", "large"], 1):
        metrics[f"map50_95_{name}"] = mean(precision[:, :, :, area, -1])
        metrics[f"map50_{name}"] = mean(precision[0, :, :, area, -1])
        metrics[f"average_recall_{name}"] = mean(recall[:, :, area, -1])
    for at, name in enumerate(["average_recall_1", "average_recall_10", "average_recall_100", "average_recall"]):
        metrics[name] = mean(recall[:, :, 0, at])
    return metrics


def per_class(evaluator):
    precision = evaluator.eval["precision"]
    return [
        {"ap50": mean(precision[0, :, k, 0, -1]), "ap50_95": mean(precision[:, :, k, 0, -1])}
        for k in range(precision.shape[2])
    ]


def linear_ap(truth, results, max_detections):
    """Mean AP50 and AP50-95 by the linearly interpolated definition."""
    thresholds = np.linspace(0.5, 0.95, 10)
    by_image = {}
    for result in results:
        by_image.setdefault(result["image_id"], []).append(result)
    right, scores, classes = [], [], []
    for image in sorted(i["id"] for i in truth["images"]):
        found = by_image.get(image, [])
        found = [found[i] for i in np.argsort([-f["score"] for f in found], kind="stable")][:max_detections]
        true = [a for a in truth["annotations"] if a["image_id"] == image]
        hits = np.zeros((len(found), 10), bool)
        if found and true:
            overlap = np.asarray(mask.iou([f["bbox"] for f in found], [t["bbox"] for t in true], [0] * len(true)))
            same = np.array([[f["category_id"] == t["category_id"] for t in true] for f in found])
            overlap = overlap * same
            for t, threshold in enumerate(thresholds):
                taken = set()
                for f in range(len(found)):
                    best = len(true) - 1 - int(np.argmax(overlap[f][::-1]))  # the later of equals
                    if overlap[f, best] >= threshold and best not in taken:
                        taken.add(best)
                        hits[f, t] = True
        right.extend(hits)
        scores.extend(f["score"] for f in found)
        classes.extend(f["category_id"] for f in found)
    order = np.argsort([-s for s in scores], kind="stable")
    right, classes = np.array(right, bool).reshape(-1, 10)[order], np.array(classes)[order]
    points = np.linspace(0, 1, 101)
    aps = []
    for category in sorted({a["category_id"] for a in truth["annotations"]}):
        truths = sum(a["category_id"] == category for a in truth["annotations"])
        of_class = right[classes == category]
        row = []
        for t in range(10):
            if not len(of_class):
                row.append(0.0)
                continue
            hits = np.cumsum(of_class[:, t])
            recall = np.concatenate([[0.0], hits / (truths + 1e-16), [1.0]])
            precision = np.concatenate([[1.0], hits / np.arange(1, len(hits) + 1), [0.0]])
            envelope = np.flip(np.maximum.accumulate(np.flip(precision)))
            values = np.interp(points, recall, envelope)
            row.append(float(np.sum(np.diff(points) * (values[1:] + values[:-1]) / 2)))
        aps.append(row)
    aps = np.array(aps)
    return {"ultralytics_map50": float(aps[:, 0].mean()), "ultralytics_map50_95": float(aps.mean())}


def main():
    truth_path, results_path, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with contextlib.redirect_stdout(sys.stderr):
        truth = COCO(truth_path)
        found = truth.loadRes(results_path)
        evaluator = COCOeval(truth, found, "bbox")
        evaluator.params.maxDets = [min(n, limit) for n in (1, 10, 100)] + [limit]
        start = time.perf_counter()
        evaluator.evaluate()
        evaluator.accumulate()
        seconds = time.perf_counter() - start
    metrics = coco_metrics(evaluator)
    # Crowds are ordinary boxes under the other definition, which makes no sense to compare.
    only_coco = "--only-coco" in sys.argv[4:]
    if not only_coco and not any(a.get("iscrowd") for a in truth.dataset["annotations"]):
        metrics |= linear_ap(truth.dataset, json.load(open(results_path)), limit)
    json.dump({"metrics": metrics, "classes": per_class(evaluator), "seconds": seconds}, sys.stdout)


main()
