"""PyTorch's times on the layers of ops_bench.rs: python ops_bench.py [FILTER], two threads. Same columns."""
import re, sys, time, pathlib
import torch

torch.set_num_threads(2)
source = (pathlib.Path(__file__).parent / "ops_bench.rs").read_text()
layers = re.findall(r'\("(.*?)", \((\d+), (\d+), (\d+)\), (\d+), (\d+), (\d+), (\d+)\)', source)
wanted = sys.argv[1] if len(sys.argv) > 1 else ""


def fastest(work):
    work()
    start, best = time.perf_counter(), float("inf")
    for _ in range(60):
        one = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - one)
        if time.perf_counter() - start > 0.6:
            break
    return best * 1e3


print("layer,forward_ms,forward_backward_ms")
for name, *numbers in layers:
    if wanted not in name:
        continue
    batch, channels, side, outputs, kernel, stride, groups = map(int, numbers)
    conv = torch.nn.Conv2d(channels, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    x = torch.randn(batch, channels, side, side)
    with torch.no_grad():
        forward = fastest(lambda: conv(x))
        seed = conv(x)
    x.requires_grad_()

    def both():
        x.grad = conv.weight.grad = None
        conv(x).backward(seed)

    print(f"{name},{forward:.3f},{fastest(both):.3f}", flush=True)
