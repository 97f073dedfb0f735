"""A few training steps of a two-layer transformer, for `nsys profile` to record.

    python step.py STEPS

step > forward > layer 0, layer 1 / backward / optimizer by torch.cuda.nvtx; autograd launches from a thread of its own,
so `backward` owns no GPU work by NVIDIA's rule, and `autograd` pushed in a hook on that thread does. A loader thread
copies the next batch on its own stream inside `load`, with the nvtx package in a domain of its own; `epoch` is a
start/end range that crosses threads, `logged` a mark. Needs torch, nvtx and a GPU; nothing of launchlens.
"""

import sys
import threading

import nvtx
import torch
from torch import nn

BATCH, LENGTH, WIDTH = 8, 32, 128


class Model(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for index, layer in enumerate(self.layers):
            torch.cuda.nvtx.range_push(f"layer {index}")
            x = layer(x)
            torch.cuda.nvtx.range_pop()
        return self.head(x)


def main(steps: int) -> None:
    torch.manual_seed(0)
    model = Model().cuda().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    pinned = [torch.randn(BATCH, LENGTH, WIDTH).pin_memory() for _ in range(steps + 3)]
    side = torch.cuda.Stream()
    batch = [pinned[0].cuda(), torch.empty(BATCH, LENGTH, WIDTH, device="cuda")]

    def load(number: int) -> None:
        with nvtx.annotate("load", domain="loader"), torch.cuda.stream(side):
            batch[(number + 1) % 2].copy_(pinned[number + 1], non_blocking=True)
            batch[(number + 1) % 2].mul_(0.5)

    def step(number: int) -> None:
        loader = threading.Thread(target=load, args=(number,))
        with nvtx.annotate("step"):
            loader.start()
            torch.cuda.nvtx.range_push("forward")
            loss = model(batch[number % 2]).square().mean()
            torch.cuda.nvtx.range_pop()
            torch.cuda.nvtx.range_push("backward")
            loss.backward()
            torch.cuda.nvtx.range_pop()
            torch.cuda.nvtx.range_push("optimizer")
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            torch.cuda.nvtx.range_pop()
            loader.join()
            side.synchronize()
            nvtx.mark("logged")
            assert loss.item() > 0

    def in_autograd(gradient: torch.Tensor) -> torch.Tensor:
        torch.cuda.nvtx.range_push("autograd")
        scaled = gradient * 1.0
        torch.cuda.nvtx.range_pop()
        return scaled

    model.head.weight.register_hook(in_autograd)
    for number in range(2):
        step(number)
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    epoch = nvtx.start_range("epoch")
    for number in range(steps):
        step(number)
    torch.cuda.synchronize()
    nvtx.end_range(epoch)
    torch.cuda.profiler.stop()
    print("done", steps)


main(int(sys.argv[1]))
