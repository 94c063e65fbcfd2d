"""Runs a TFLite file with the reference interpreter: one thread, no delegates, reference kernels.

    python tflite_reference.py --check
    python tflite_reference.py JOBS.json RESULTS.json

A job is {"model": path, "inputs": [[[number, ...], ...], ...]}: for each run the numbers of each input, in its own type. Writes
[[[number, ...] for each output] for each run] for each job.
"""

import json
import sys

import numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def run(job):
    interpreter = Interpreter(
        model_path=job["model"], num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    results = []
    for inputs in job["inputs"]:
        for about, numbers in zip(interpreter.get_input_details(), inputs, strict=True):
            array = numpy.array(numbers, dtype=about["dtype"]).reshape(about["shape"])
            interpreter.set_tensor(about["index"], array)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(about["index"]) for about in interpreter.get_output_details()]
        results.append([output.astype(numpy.float64).ravel().tolist() for output in outputs])
    return results


if __name__ == "__main__" and sys.argv[1] != "--check":
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = json.load(file)
    # Not through standard output: the interpreter speaks there, too.
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump([run(job) for job in jobs], file)
