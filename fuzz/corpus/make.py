"""Makes the inputs that fuzzing begins with: python fuzz/corpus/make.py (Pillow, numpy). Small files, one of each variant.

What fuzzing finds lies beside them under a name that says what it was, and is not made here.
"""

import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
rng = np.random.default_rng(7)
wave = np.add.outer(np.arange(18), np.arange(24)) * 9 % 256
rgb = Image.fromarray(np.stack([wave, wave[::-1], 255 - wave], axis=2).astype(np.uint8))
alpha = rgb.convert("RGBA")
alpha.putalpha(Image.fromarray(wave.astype(np.uint8)))
exif = Image.Exif()
exif[0x0112] = 6  # stored lying on its side


def put(folder, name, content):
    path = HERE / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def save(folder, name, image, **options):
    path = HERE / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


save("jpeg", "baseline.jpg", rgb, quality=60)
save("jpeg", "progressive.jpg", rgb, quality=60, progressive=True)
save("jpeg", "444.jpg", rgb, quality=60, subsampling=0)
save("jpeg", "gray.jpg", rgb.convert("L"), quality=60)
save("jpeg", "cmyk.jpg", rgb.convert("CMYK"), quality=60)
save("jpeg", "on_its_side.jpg", rgb, quality=60, exif=exif)
save("jpeg", "restarts.jpg", rgb, quality=60, restart_marker_rows=1)

save("png", "rgb.png", rgb)
save("png", "rgba.png", alpha)
save("png", "gray.png", rgb.convert("L"))
save("png", "one_bit.png", rgb.convert("1"))
save("png", "palette.png", rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=8), transparency=0)
save("png", "sixteen.png", Image.fromarray((wave * 257).astype(np.uint16)))
save("png", "on_its_side.png", rgb, exif=exif)
save("png", "animated.png", rgb, save_all=True, append_images=[rgb.rotate(180)], duration=100)

save("webp", "lossy.webp", rgb, quality=40)
save("webp", "lossless.webp", rgb, lossless=True)
save("webp", "alpha.webp", alpha, quality=40)
save("webp", "on_its_side.webp", rgb, quality=40, exif=exif)
save("webp", "animated.webp", rgb, quality=40, save_all=True, append_images=[rgb.rotate(180)], duration=100)


# HEIC: python -m pip install pillow-heif, which brings an encoder of its own.
try:
    import pillow_heif
except ImportError:
    print("no pillow_heif: the files of heic/ stay as they are")
else:
    pillow_heif.register_heif_opener()
    save("heic", "plain.heic", rgb, quality=90)
    # Given as bytes, the encoder turns the orientation into a transformation of the file, beside EXIF that says the same.
    save("heic", "on_its_side.heic", rgb, quality=90, exif=exif.tobytes())
    save("heic", "alpha.heic", alpha, quality=90)
    save("heic", "gray.heic", rgb.convert("L"), quality=90)


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


put("safetensors", "two.safetensors", safetensors(
    {"__metadata__": {"format": "pt"}, "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
     "b": {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]}},
    np.arange(6, dtype=np.float32).tobytes() + np.arange(4, dtype=np.float16).tobytes()))
put("safetensors", "whole_numbers.safetensors", safetensors(
    {"n": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}, "s": {"dtype": "BF16", "shape": [], "data_offsets": [8, 10]}},
    bytes(10)))

put("voc", "edges.xml", """<annotation><folder>images</folder><filename>a.jpg</filename>
<size><width>640</width><height>480</height><depth>3</depth></size>
<object><name>bottle</name><truncated>0</truncated><difficult>1</difficult>
<bndbox><xmin>10</xmin><ymin>20.5</ymin><xmax>110</xmax><ymax>220</ymax></bndbox></object>
<object><name>can &amp; lid</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>
""")
put("voc", "empty.xml", "<annotation><filename>b.png</filename><size><width>8</width><height>8</height></size></annotation>")

coco = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, {"id": 2, "file_name": "x/b.png", "width": 8, "height": 9}],
    "categories": [{"id": 3, "name": "bottle", "supercategory": "container"}, {"id": 7, "name": "can"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 3, "bbox": [10.5, 20, 100, 200], "area": 20000, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 1, "segmentation": [[1, 2, 4, 2, 4, 6]],
         "attributes": {"sku": "cola"}},
    ],
}
put("coco", "two_images.json", json.dumps(coco))
put("coco", "no_boxes.json", json.dumps({**coco, "annotations": []}))
put("eval-coco", "two_images.json", json.dumps(coco))
put("eval-coco", "no_boxes.json", json.dumps({**coco, "annotations": []}))
put("eval-results", "two.json", json.dumps([
    {"image_id": 1, "category_id": 1, "bbox": [10.5, 20, 100, 200], "score": 0.9},
    {"image_id": 2, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.25}]))
put("eval-results", "none.json", "[]")
put("eval-counts", "full.json", json.dumps({"format": "shelf-counts", "version": 1, "images": [
    {"image": "a.jpg", "counts": {"cola": 3}},
    {"image": "b.jpg", "facings": [{"box": [1, 2, 3, 4], "sku": "cola", "class": "can"}]}]}))
put("eval-counts", "short.json", json.dumps({"a.jpg": {"cola": 3, "fanta": 0}}))

put("facings", "three.csv", "x,y,w,h,class,sku,occluded\n10.5,20,100,200,bottle,cola,0\n1,2,3,4,can,,1\n")
put("facings", "semicolons.csv", "file;x;y;w;h;class;sku\r\na.jpg;1;2;3;4;can;\"a;b\"\r\n")
put("class-names", "list.yaml", "path: .\ntrain: images\nnc: 2\nnames: [bottle, 'can']\n")
put("class-names", "map.yaml", "names:\n  0: bottle\n  1: \"can\"\n")
put("class-names", "lines.txt", "bottle\ncan\n")

put("yolo", "three.txt", "0 0.5 0.5 0.25 0.5\n2 .1 .2 .1 .2 # {\"id\":12,\"attributes\":{\"sku\":\"cola\"}}\n\n1 0.9 0.9 0.2 0.2\r\n")
put("yolo", "head.txt", '# {"image":{"id":7,"file":"a.jpg","width":640,"height":480}}\n0 0.5 0.5 1 1\n')

put("cvat", "boxes.xml", """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>bottle</name></label></labels></task></meta>
<image id="0" name="a.jpg" width="640" height="480">
<box label="bottle" occluded="0" xtl="10.5" ytl="20" xbr="110" ybr="220" z_order="0"><attribute name="sku">cola</attribute></box>
<polygon label="bottle" points="1,1;2,2;3,1"></polygon></image>
<image id="1" name="b.jpg" width="8" height="8"></image></annotations>
""")
put("cvat", "none.xml", '<annotations><version>1.1</version><image id="0" name="a.jpg" width="4" height="4"/></annotations>')

task = {
    "id": 5, "data": {"image": "/data/upload/a.jpg"},
    "annotations": [{"id": 9, "result": [{
        "id": "x", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "original_width": 640,
        "original_height": 480, "image_rotation": 0,
        "value": {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, "rotation": 0, "rectanglelabels": ["bottle"]}}]}],
}
put("label-studio", "one.json", json.dumps([task]))
put("label-studio", "unlabelled.json", json.dumps([{**task, "annotations": [{"id": 9, "result": []}]}]))

classes = ["blocked", "empty", "full", "low", "misplaced", "ok", "unknown"]
meta = {
    "version": "1.0.0", "timestamp": "2026-01-01T00:00:00Z",
    "dataset": {"id": "0194f3a2-7c1e-7f00-8000-000000000001", "hash": "sha256:" + "02" * 32},
    "features": {"count": 10, "preprocessing": {"scaler_mean": [0.5] * 10, "scaler_scale": [2.0] * 10, "label_classes": classes}},
    "labels": {"count": 7, "mapping": {str(at): name for at, name in enumerate(classes)}},
    "model": {"architecture": {"type": "mlp"}, "metrics": {
        "test_accuracy": 0.9, "precision": 0.9, "recall": 0.9, "f1": 0.9, "confusion_matrix": [[1] * 7] * 7}},
    "quantization": {"type": "int8", "input_type": "int8", "output_type": "int8", "test_accuracy": 0.9},
}
put("device-meta", "whole.json", json.dumps(meta))
put("device-meta", "another.json", json.dumps({**meta, "dataset": {"id": "x", "hash": "sha256"}}))

put("pipeline", "short.yaml", "detector: {model: a.onnx}\nembedder: {model: b.onnx}\ngallery: {path: g}\n")
put("pipeline", "anchors.yaml", "detector: &d {model: a.onnx}\nembedder: *d\ngallery: {path: g, sku_thresholds: {a: .5}}\n")

png = (HERE / "png/rgb.png").read_bytes()
part = 'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
put("multipart", "photo", b"--shelf\r\n" + part.encode() + png + b"\r\n--shelf--\r\n")
put("multipart", "two_fields", '--shelf\r\nContent-Disposition: form-data; name="conf"\r\n\r\n0.5\r\n--shelf--\r\n')

import base64  # noqa: E402

text = base64.b64encode(png).decode()
put("json", "photo.json", json.dumps({"image": text}))
put("json", "data_url.json", json.dumps({"image": f"data:image/png;base64,{text}"}))

head = b"POST /v2/recognize?conf=0.5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: image/png\r\n"
