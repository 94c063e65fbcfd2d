#!/usr/bin/env python3
"""Data that the recipes of shelf-v3 name below runs/lab, made from the labelled sets in SHELF_DATA. Needs Pillow and NumPy.

  cartons/          the catalogue images of grocerystore-packages, each with a box around what is not white
  crops/coolers/    facings of tgmt-pepsi-coolers by the part that the frozen split gives their photo, cut by the crop rule of serving
  crops/instances/  up to four tallest boxes of each training image of beverage3 and ayesha, each a SKU of its own

crops/synth/ is `shelf dataset synth --config models/classifier/shelf-v3-synth.yaml --output DIR` and its folder `crops`.
"""
import csv
import json
import math
import os
from pathlib import Path

import numpy
from PIL import Image

DATA = Path(os.environ.get("SHELF_DATA", "../shared/data"))
OUT = Path("runs/lab")
SPLITS = Path("models/detector/splits")


def crop(image, x1, y1, x2, y2):
    """As vision::crop: whole pixels that touch the box, clipped to the image."""
    width, height = image.size
    left, top = min(max(math.floor(x1), 0), width - 1), min(max(math.floor(y1), 0), height - 1)
    return image.crop((left, top, min(max(math.ceil(x2), left + 1), width), min(max(math.ceil(y2), top + 1), height)))


def cartons():
    images, labels = OUT / "cartons/images", OUT / "cartons/labels"
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    room = 40  # around, so that a cut-out has surroundings
    for path in sorted((DATA / "grocerystore-packages/dev/iconic").rglob("*.jpg")):
        name = path.stem if path.parent.name == "iconic" else path.parent.name
        image = Image.open(path).convert("RGB")
        inside = numpy.asarray(image).min(2) < 238
        rows, columns = numpy.flatnonzero(inside.sum(1) > 2), numpy.flatnonzero(inside.sum(0) > 2)
        x1, x2, y1, y2 = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
        canvas = Image.new("RGB", (image.width + 2 * room, image.height + 2 * room), (255, 255, 255))
        canvas.paste(image, (room, room))
        canvas.save(images / f"{name}.png")
        w, h = canvas.size
        box = ((x1 + x2 + 2 * room) / 2 / w, (y1 + y2 + 2 * room) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)
        (labels / f"{name}.txt").write_text("3 {:.6f} {:.6f} {:.6f} {:.6f}\n".format(*box))
    (OUT / "cartons/data.yaml").write_text("names: [bottle, can, glass, unknown_container]\n")


def split(name):
    return json.loads((SPLITS / f"{name}.json").read_text())["files"]


def coolers():
    root = DATA / "tgmt-pepsi-coolers/dev"
    for file in split("tgmt-pepsi-coolers"):
        stem = Path(file["path"]).stem
        image = Image.open(root / file["path"]).convert("RGB")
        with open(root / f"facings/{stem}.csv", encoding="utf-8") as table:
            for at, row in enumerate(csv.DictReader(table)):
                if row["sku"]:
                    folder = OUT / "crops/coolers" / file["part"] / row["sku"]
                    folder.mkdir(parents=True, exist_ok=True)
                    x, y, w, h = (float(row[key]) for key in "xywh")
                    crop(image, x, y, x + w, y + h).save(folder / f"{stem}-{at:03d}.png")


def instances():
    number = 0
    for name in ("beverage3-bottle-can", "ayesha-bottle-detection"):
        for file in split(name):
            if file["part"] != "train" or not file.get("label"):
                continue
            image = Image.open(DATA / name / "dev" / file["path"]).convert("RGB")
            width, height = image.size
            lines = (DATA / name / "dev" / file["label"]["path"]).read_text().splitlines()
            boxes = [tuple(map(float, line.split()[1:5])) for line in lines if line.strip()]
            large = [box for box in boxes if box[3] * height >= 90 and box[2] * width >= 36]
            for x, y, w, h in sorted(large, key=lambda box: box[3], reverse=True)[:4]:
                folder = OUT / "crops/instances" / f"{name[:4]}-{number:04d}"
                folder.mkdir(parents=True, exist_ok=True)
                number += 1
                edges = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
                crop(image, *edges).save(folder / "0.png")


if __name__ == "__main__":
    cartons()
    coolers()
    instances()
