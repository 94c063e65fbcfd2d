#!/usr/bin/env python3
"""Acts of a person who makes the boxes of photos complete at /review/verify, from what a running server proposes.

    shelf serve &
    SHELF_DATA=../shared/data python3 scripts/verify-actions.py http://127.0.0.1:8000 > docs/results/verify_actions.csv

One act for each proposal that is no container (right-click), one for each container that has none (a drag), one to go on. A proposal is
right when its IoU with a box that no better one has taken is .5 or more. Names of SKUs are not counted: there is no gallery. Needs Pillow.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

from PIL import Image

URL, DATA = sys.argv[1].rstrip("/"), Path(os.environ.get("SHELF_DATA", "../shared/data"))
COOLERS, SCENES = DATA / "tgmt-pepsi-coolers/dev", DATA / "shelf-scenes/dev"


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    return w * h / (area(a) + area(b) - w * h)


def labelled(image, labels):
    width, height = Image.open(image).size
    boxes = [tuple(map(float, line.split()[1:5])) for line in labels.read_text().splitlines() if line.strip()]
    return [((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height) for x, y, w, h in boxes]


def proposed(image):
    request = urllib.request.Request(f"{URL}/v2/recognize", image.read_bytes(), {"content-type": "image/jpeg"})
    found = json.load(urllib.request.urlopen(request))["detections"]
    return [tuple(one["box"][side] for side in ("x1", "y1", "x2", "y2")) for one in found]


def photo(image, labels):
    truth, boxes = labelled(image, labels), proposed(image)
    left = set(range(len(boxes)))
    for box in truth:
        best = max(left, key=lambda at: iou(box, boxes[at]), default=None)
        if best is not None and iou(box, boxes[best]) >= 0.5:
            left.remove(best)
    right = len(boxes) - len(left)
    return len(truth), len(boxes), right, len(left) + len(truth) - right + 1


def line(name, photos):
    facings, boxes, right, acts = (sum(one[at] for one in photos) for at in range(4))
    print(f"{name},{len(photos)},{facings},{boxes},{right / max(boxes, 1):.3f},{acts},{acts / max(facings, 1):.3f}", flush=True)


print("# SHELF_DATA=... python3 scripts/verify-actions.py http://127.0.0.1:8000; detector models/detector/shelf-v3-fp16.onnx, tiles auto")
print("photos,number,facings,proposals,right,acts,acts_per_facing")
split = json.loads(Path("models/detector/splits/tgmt-pepsi-coolers.json").read_text())["files"]
for part in ("val", "test"):
    photos = [photo(COOLERS / one["path"], COOLERS / one["label"]["path"]) for one in split if one["part"] == part]
    line(f"coolers {part}", photos)
    line(f"coolers {part} whose proposals are 90 % right", [one for one in photos if one[2] >= 0.9 * one[1]])
for scene in ("coke-shelf-small", "cola-aisle-hk"):
    line(scene, [photo(SCENES / scene / "scene.jpg", SCENES / scene / "scene.txt")])
