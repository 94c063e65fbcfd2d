#!/usr/bin/env python3
"""The network of `shelf factory train` beside TensorFlow's: the time to train it, and the files of both converters.

    python3 -m venv tf && tf/bin/pip install -r scripts/requirements-tensorflow.txt
    tf/bin/python scripts/tensorflow-mlp.py train EXAMPLE TABLE.csv     > docs/results/factory_training.csv
    tf/bin/python scripts/tensorflow-mlp.py files SHELF EXAMPLE TABLE.csv [NAME=FILE.tflite ...] > docs/results/factory_files.csv

EXAMPLE is the program factory_mlp (train/examples). TABLE comes from `awk -v rows=100000 -f examples/factory/counts.awk`.

train: the same layers, batches, optimiser, rows and number of epochs by Keras and by us, in turns, each in a process of its own. Keras begins
with an epoch that does not count, in which it compiles.
files: TensorFlow's converter is given the very weights of our network, so both files are the same network. All are run by TensorFlow's
interpreter, one thread, without delegates; NAME=FILE adds files of images, which have no accuracy here. Arena: the smallest that
TensorFlow Lite for Microcontrollers takes here, on 64 bits, found by bisection.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
EPOCHS = 5
TURNS = 5
RUNS = 5


def load_rows(folder):
    import numpy

    about = json.loads((Path(folder) / "rows.json").read_text())
    parts = [
        (numpy.array(part["x"], numpy.float32).reshape(-1, about["features"]), numpy.array(part["classes"]))
        for part in about["parts"]
    ]
    return about, parts


def network(features, classes):
    import keras

    layers = [keras.layers.Input((features,))]
    for size in (64, 32):
        layers += [keras.layers.Dense(size, "relu"), keras.layers.Dropout(0.2)]
    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def keras_turn(folder):
    """One training; prints what the example prints."""
    about, ((x, y), validation, (tx, ty)) = load_rows(folder)
    model = network(about["features"], about["classes"])
    weights = model.get_weights()
    model.fit(x, y, batch_size=32, epochs=1, verbose=0, validation_data=validation)
    model.set_weights(weights)
    used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    clock, processor = time.monotonic(), used()
    model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0, validation_data=validation)
    clock, processor = time.monotonic() - clock, used() - processor
    accuracy = float((model.predict(tx, verbose=0).argmax(1) == ty).mean())
    print(json.dumps({"seconds": clock, "processor_seconds": processor, "accuracy": accuracy}))


def said(*command):
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.strip().splitlines()[-1])


def train(example, table):
    import keras

    print("# $TENSORFLOW_PYTHON scripts/tensorflow-mlp.py train EXAMPLE TABLE.csv: 100,000 rows of examples/factory/counts.awk, 10 features")
    print(f"# {EPOCHS} epochs of 70,000 rows in batches of 32, validated after each, in turns; Keras {keras.__version__} begins with one that does not count")
    print("turn,shelf_s,keras_s,ratio,shelf_processor_s,keras_processor_s,processor_ratio,shelf_accuracy,keras_accuracy")
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(1, TURNS + 1):
            ours = said(example, table, str(EPOCHS), folder)
            theirs = said(sys.executable, __file__, "keras", folder)
            pair = [ours[key] / theirs[key] for key in ("seconds", "processor_seconds")]
            ratios.append(pair)
            print(
                f"{turn},{ours['seconds']:.2f},{theirs['seconds']:.2f},{pair[0]:.3f},{ours['processor_seconds']:.2f},"
                f"{theirs['processor_seconds']:.2f},{pair[1]:.3f},{ours['accuracy']:.4f},{theirs['accuracy']:.4f}",
                flush=True,
            )
    middle = [sorted(values)[len(values) // 2] for values in zip(*ratios)]
    print(f"median,,,{middle[0]:.3f},,,{middle[1]:.3f},,")


def converted(folder):
    """Our weights in Keras, by TensorFlow's converter: floats, and int8 with int8 in and out."""
    import tensorflow

    about, (learned, _, _) = load_rows(folder)
    ours = tensorflow.lite.Interpreter(str(Path(folder) / "model_fp32.tflite"))
    ours.allocate_tensors()
    tensors = {tensor["name"]: tensor["index"] for tensor in ours.get_tensor_details()}
    model = network(about["features"], about["classes"])
    weights = []
    for layer in range(3):
        weights += [ours.get_tensor(tensors[f"w{layer}"]).T, ours.get_tensor(tensors[f"b{layer}"])]
    model.set_weights(weights)

    @tensorflow.function(input_signature=[tensorflow.TensorSpec((1, about["features"]), tensorflow.float32)])
    def served(x):
        return model(x, training=False)

    # As constants: this converter leaves variables of Keras 3 as reads that its interpreter does not know.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(served.get_concrete_function())

    def converter():
        return tensorflow.lite.TFLiteConverter.from_concrete_functions([frozen])

    floats = converter().convert()
    int8 = converter()
    int8.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    int8.representative_dataset = lambda: ([row[None]] for row in learned[0][: about["calibration"]])
    int8.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    int8.inference_input_type = int8.inference_output_type = tensorflow.int8
    return floats, int8.convert()


def entered(about, rows):
    import numpy

    if about["dtype"] != numpy.int8:
        return rows
    scale, zero = about["quantization"]
    return numpy.clip(numpy.round(rows / scale) + zero, -128, 127).astype(numpy.int8)


def measured(file, test):
    """Accuracy on the test rows, and milliseconds of a run: the median of runs of as many calls as last a fifth of a second."""
    import numpy
    import tensorflow

    interpreter = tensorflow.lite.Interpreter(
        model_content=file,
        num_threads=1,
        experimental_op_resolver_type=tensorflow.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    [input_], output = interpreter.get_input_details(), interpreter.get_output_details()[0]
    accuracy = None
    if test is not None:
        rows, classes = test
        told = []
        for row in entered(input_, rows):
            interpreter.set_tensor(input_["index"], row[None])
            interpreter.invoke()
            told.append(interpreter.get_tensor(output["index"])[0].argmax())
        accuracy = float((numpy.array(told) == classes).mean())
    calls, times = 1, []
    while len(times) < RUNS:
        start = time.process_time()
        for _ in range(calls):
            interpreter.invoke()
        spent = time.process_time() - start
        if spent < 0.2:
            calls *= 2
        else:
            times.append(1000 * spent / calls)
    return accuracy, sorted(times)[RUNS // 2]


ARENA = """
import sys
from tflite_micro.python.tflite_micro import runtime
runtime.Interpreter.from_bytes(open(sys.argv[1], "rb").read(), arena_size=int(sys.argv[2])).invoke()
"""


def smallest_arena(path, upper=1 << 26):
    """Bytes; none where the interpreter for microcontrollers does not run the file. It ends its process when an arena is too small."""

    def fits(size):
        command = [sys.executable, "-c", ARENA, str(path), str(size)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not fits(upper):
        return None
    low, high = 0, upper
    while high - low > max(16, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def files(shelf, example, table, images):
    import tensorflow

    print("# $TENSORFLOW_PYTHON scripts/tensorflow-mlp.py files SHELF EXAMPLE TABLE.csv NAME=FILE...: the same weights by both converters")
    print(f"# TensorFlow {tensorflow.__version__}, its interpreter, one thread, no delegates; ms of processor time; arena on 64 bits by bisection")
    print("network,converter,type,bytes,multiply_adds,arena_estimate_bytes,arena_smallest_bytes,ms,accuracy")
    with tempfile.TemporaryDirectory() as folder:
        said(example, table, "20", folder)
        test = load_rows(folder)[1][2]
        floats, int8 = converted(folder)
        read = lambda path: Path(path).read_bytes()
        rows = [
            ("mlp", "shelf", "fp32", read(f"{folder}/model_fp32.tflite"), test),
            ("mlp", "TensorFlow", "fp32", floats, test),
            ("mlp", "shelf", "int8", read(f"{folder}/model.tflite"), test),
            ("mlp", "TensorFlow", "int8", int8, test),
        ]
        for name, path in (image.split("=", 1) for image in images):
            network_name, _, kind = name.rpartition("-")
            rows.append((network_name, "shelf", kind, read(path), None))
        for name, converter, kind, file, rows_of in rows:
            path = Path(folder) / "measured.tflite"
            path.write_bytes(file)
            shown = subprocess.run([shelf, "models", "inspect", path], capture_output=True, text=True, check=False).stdout
            number = lambda pattern: (re.search(pattern, shown) or ["", ""])[1].replace(",", "")
            accuracy, ms = measured(file, rows_of)
            arena = smallest_arena(path)
            print(
                f"{name},{converter},{kind},{len(file)},{number(r'multiply-adds +([0-9,]+)')},{number(r'arena[^0-9]*([0-9,]+)')},"
                f"{arena or ''},{ms:.4f},{'' if accuracy is None else f'{accuracy:.4f}'}",
                flush=True,
            )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train", example, table]:
            train(example, table)
        case ["keras", folder]:
            keras_turn(folder)
        case ["files", shelf, example, table, *images]:
            files(shelf, example, table, images)
        case _:
            sys.exit(__doc__)
