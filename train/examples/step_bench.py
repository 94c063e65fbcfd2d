"""Times of PyTorch (training) and ONNX Runtime (inference) on the networks of step_bench.rs: python step_bench.py [FILTER].
Two threads. Same columns, without memory. Both networks are written down here from their published descriptions.
`step_bench.py cuda` trains on a GPU, in f32 (TF32 off, as cuBLAS is by default) and in mixed precision."""
import io, sys, time
import torch
from torch import nn

torch.set_num_threads(2)
wanted = sys.argv[1] if len(sys.argv) > 1 else ""
gpu = wanted == "cuda"


def block(i, o, k=1, s=1, act=nn.SiLU, g=1, eps=1e-3):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o, eps), act())


class C2f(nn.Module):
    def __init__(self, i, o, n, shortcut):
        super().__init__()
        h = o // 2
        self.cv1, self.cv2, self.shortcut = block(i, o), block((2 + n) * h, o), shortcut
        self.m = nn.ModuleList(nn.Sequential(block(h, h, 3), block(h, h, 3)) for _ in range(n))

    def forward(self, x):
        parts = list(self.cv1(x).chunk(2, 1))
        for m in self.m:
            y = m(parts[-1])
            parts.append(parts[-1] + y if self.shortcut else y)
        return self.cv2(torch.cat(parts, 1))


class Sppf(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.cv1, self.cv2, self.pool = block(c, c // 2), block(2 * c, c), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class Yolo(nn.Module):
    def __init__(self, classes=80):
        super().__init__()
        c = [16, 32, 64, 128, 256]
        stages = [nn.Sequential(block(c[i], c[i + 1], 3, 2), C2f(c[i + 1], c[i + 1], n, True)) for i, n in enumerate([1, 2, 2, 1])]
        self.stem, self.stages, self.sppf = block(3, 16, 3, 2), nn.ModuleList(stages), Sppf(256)
        self.up4, self.up3 = C2f(384, 128, 1, False), C2f(192, 64, 1, False)
        self.down3, self.mix4 = block(64, 64, 3, 2), C2f(192, 128, 1, False)
        self.down4, self.mix5 = block(128, 128, 3, 2), C2f(384, 256, 1, False)
        branch = lambda i, h, o: nn.Sequential(block(i, h, 3), block(h, h, 3), nn.Conv2d(h, o, 1))
        self.boxes = nn.ModuleList(branch(i, 64, 64) for i in c[2:])
        self.classes = nn.ModuleList(branch(i, 80, classes) for i in c[2:])
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x):
        x = self.stages[0](self.stem(x))
        p3 = self.stages[1](x)
        p4 = self.stages[2](p3)
        p5 = self.sppf(self.stages[3](p4))
        q4 = self.up4(torch.cat([self.up(p5), p4], 1))
        p3 = self.up3(torch.cat([self.up(q4), p3], 1))
        p4 = self.mix4(torch.cat([self.down3(p3), q4], 1))
        p5 = self.mix5(torch.cat([self.down4(p4), p5], 1))
        every = lambda branches: torch.cat([b(p).flatten(2) for b, p in zip(branches, (p3, p4, p5))], 2)
        return every(self.boxes), every(self.classes)


class Squeeze(nn.Module):
    def __init__(self, c, s):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(c, s, 1), nn.Conv2d(s, c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.expand(nn.functional.silu(self.reduce(x.mean((2, 3), keepdim=True)))))


class MbConv(nn.Module):
    def __init__(self, i, o, k, s, e):
        super().__init__()
        w, self.residual = i * e, s == 1 and i == o
        layers = [block(i, w)] if e > 1 else []
        layers += [block(w, w, k, s, g=w), Squeeze(w, max(1, i // 4)), block(w, o, act=nn.Identity)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


def b0():
    layers, i = [block(3, 32, 3, 2)], 32
    for k, s, e, o, n in [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]:
        for at in range(n):
            layers.append(MbConv(i, o, k, s if at == 0 else 1, e))
            i = o
    return nn.Sequential(*layers, block(320, 1280), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def measure(name, repeats, work):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    print(f"{name},{times[repeats // 2]:.1f},{times[0]:.1f}", flush=True)


def train_on_gpu(name, net, shape):
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, False
    net.train().cuda()
    x = torch.rand(*shape, device="cuda")
    for precision in ("f32", "bf16"):

        def step():
            net.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
                y = net(x)
            sum(t.float().square().mean() for t in (y if isinstance(y, tuple) else (y,))).backward()
            torch.cuda.synchronize()

        measure(f"{name} {precision}", 15, step)


def train(name, net, shape):
    if wanted in name:
        net.train()
        x = torch.rand(*shape)

        def step():
            net.zero_grad(set_to_none=True)
            y = net(x)
            sum(t.square().mean() for t in (y if isinstance(y, tuple) else (y,))).backward()

        measure(name, 7, step)


def infer(name, net, shape):
    if wanted in name:
        import numpy, onnxruntime

        net.eval()
        file = io.BytesIO()
        torch.onnx.export(net, torch.rand(*shape), file, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
        x = {session.get_inputs()[0].name: numpy.random.rand(*shape).astype("f")}
        measure(name, 25, lambda: session.run(None, x))


print("network,median_ms,fastest_ms")
if gpu:
    train_on_gpu("yolov8n train b16 640", Yolo(), (16, 3, 640, 640))
    train_on_gpu("b0 train b64 224", b0(), (64, 3, 224, 224))
    sys.exit()
train("yolov8n train b4 640", Yolo(), (4, 3, 640, 640))
train("yolov8n train b4 320", Yolo(), (4, 3, 320, 320))
infer("yolov8n infer b1 640", Yolo(), (1, 3, 640, 640))
infer("b0 infer b1 224", b0(), (1, 3, 224, 224))
infer("b0 infer b8 224", b0(), (8, 3, 224, 224))
train("b0 train b32 160", b0(), (32, 3, 160, 160))
