"""mAP of detections on COCO images with labels in YOLO's text format, by pycocotools.

    pip install pycocotools==2.0.11 pillow
    cargo run -p detector --example coco_predictions -- WEIGHTS IMAGES > predictions.json
    python detector/scripts/coco_map.py IMAGES LABELS predictions.json

YOLO labels have no crowds and no areas of segments: areas are those of the boxes. Prints mAP50-95 and mAP50 over all classes
present, at most 300 detections per image.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

MAX_DETECTIONS = 300


def truth(images: Path, labels: Path) -> dict:
    images, boxes = [], []
    for file in sorted(images.iterdir()):
        width, height = Image.open(file).size
        number = int(file.stem)
        images.append({"id": number, "width": width, "height": height, "file_name": file.name})
        label = labels / f"{file.stem}.txt"
        for line in label.read_text().splitlines() if label.exists() else []:
            kind, x, y, w, h = (float(v) for v in line.split())
            w, h = w * width, h * height
            box = [x * width - w / 2, y * height - h / 2, w, h]
            boxes.append(
                {"id": len(boxes) + 1, "image_id": number, "category_id": int(kind), "bbox": box, "area": w * h, "iscrowd": 0}
            )
    kinds = sorted({b["category_id"] for b in boxes})
    return {"images": images, "annotations": boxes, "categories": [{"id": k, "name": str(k)} for k in kinds]}


def main() -> None:
    images, labels, predictions = (Path(a) for a in sys.argv[1:4])
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth(images, labels)
        coco.createIndex()
        found = coco.loadRes(json.loads(predictions.read_text()))
        evaluation = COCOeval(coco, found, "bbox")
        evaluation.params.maxDets = [1, 100, MAX_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
    # precision[IoU, recall, class, area range, detections]; -1 where a class has no truth.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    mean = lambda p: float(np.mean(p[p > -1]))
    print(f"images {len(coco.dataset['images'])}, boxes {len(coco.dataset['annotations'])}")
    print(f"mAP50-95 {mean(precision):.4f}")
    print(f"mAP50 {mean(precision[0]):.4f}")


if __name__ == "__main__":
    main()
