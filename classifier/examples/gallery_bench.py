"""The peer of gallery_bench.rs: faiss-cpu's IndexFlatIP, as PyPI has it (pip install faiss-cpu).

Reads commands, a line each, and answers each with a line:
    index FILE         exemplars, FAISS's version
    search FILE K T    milliseconds of one search with `distance_compute_blas_threshold` T ("default": as it comes), then the ids
                       of all queries
Files hold vectors of 512 little-endian float32.
"""
import sys, time
import faiss, numpy

index = None
default = faiss.cvar.distance_compute_blas_threshold
for line in sys.stdin:
    what, path, *rest = line.split()
    vectors = numpy.fromfile(path, "<f4").reshape(-1, 512)
    if what == "index":
        index = faiss.IndexFlatIP(512)
        index.add(vectors)
        print(faiss.__version__, flush=True)
    else:
        k = int(rest[0])
        faiss.cvar.distance_compute_blas_threshold = default if rest[1] == "default" else int(rest[1])
        start = time.perf_counter()
        _, ids = index.search(vectors, k)
        print((time.perf_counter() - start) * 1e3, *ids.ravel(), flush=True)
