"""PyTorch and what is trained with it: state dicts, archives of code and graphs, checkpoints, Lightning, SB3."""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import collections
import random
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.honest.models.libraries.kinds import kind

DTYPES = (
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int8,
    torch.uint8,
    torch.int64,
    torch.bool,
    torch.complex64,
)


def tensor(chance: random.Random, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return a tensor whose bytes may begin like anything."""
    shape = [chance.randrange(1, 12) for _ in range(chance.randrange(1, 4))]
    dtype = dtype or chance.choice(DTYPES)
    count = torch.Size(shape).numel() * torch.empty(0, dtype=dtype).element_size()
    if dtype is torch.bool:
        return torch.randint(0, 2, shape).bool()
    return torch.frombuffer(bytearray(chance.randbytes(count)), dtype=dtype).reshape(shape)


def network(chance: random.Random) -> nn.Module:
    """Return a small network of one of the common layers."""
    return chance.choice((
        lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.GELU()),
        lambda: nn.LSTM(3, 4), lambda: nn.TransformerEncoderLayer(8, 2, 16), lambda: nn.MultiheadAttention(8, 2), lambda: nn.Embedding(9, 4),
    ))()  # fmt: skip


@kind("torch.state_dict", 200)
def states(folder: Path, chance: random.Random) -> None:
    dtype = chance.choice(DTYPES[:4])
    state = collections.OrderedDict((f"layer.{n}.weight", tensor(chance, dtype)) for n in range(chance.randrange(1, 9)))
    torch.save(state, folder / chance.choice(("model.pt", "pytorch_model.bin", "model.pth", "last.ckpt")))


@kind("torch.state_dict.modules", 40)
def states_of_modules(folder: Path, chance: random.Random) -> None:
    torch.save(network(chance).to(chance.choice(DTYPES[:4])).state_dict(), folder / "pytorch_model.bin")


@kind("torch.mixed", 60)
def mixed(folder: Path, chance: random.Random) -> None:
    torch.save(
        {
            "a": [tensor(chance) for _ in range(3)],
            "epoch": 3,
            "size": torch.Size([1, 2]),
            "dtype": torch.float16,
            "view": tensor(chance).T,
        },
        folder / "state.pt",
    )


@kind("torch.legacy", 40)
def legacy(folder: Path, chance: random.Random) -> None:
    torch.save(
        {"w": tensor(chance), "b": tensor(chance)},
        folder / "old.pth",
        _use_new_zipfile_serialization=False,
        pickle_protocol=chance.choice((2, 4)),
    )


@kind("torch.checkpoint", 40)
def checkpoints(folder: Path, chance: random.Random) -> None:
    model = nn.Linear(4, 3)
    maker = chance.choice(
        (torch.optim.Adam, torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad)
    )
    optimizer = maker(model.parameters(), lr=0.1)
    model(torch.rand(2, 4)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    saved = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "rng": torch.get_rng_state(),
        "epoch": 2,
    }
    torch.save(saved, folder / chance.choice(("checkpoint.pt", "optimizer.pt", "epoch=1.ckpt", "checkpoint.tar")))


@kind("torch.module", 30)
def modules(folder: Path, chance: random.Random) -> None:
    torch.save(network(chance), folder / "whole.pt")


@kind("torch.parameters", 10)
def parameters(folder: Path, chance: random.Random) -> None:
    torch.save(
        [nn.Parameter(tensor(chance, torch.float32)), nn.ParameterDict({"a": torch.ones(2)}), nn.Buffer(torch.ones(1))],
        folder / "parameters.pt",
    )


@kind("torch.sparse", 10)
def sparse(folder: Path, chance: random.Random) -> None:
    made = torch.eye(4).to_sparse() if chance.random() < 0.5 else torch.eye(4).to_sparse_csr()
    torch.save({"s": made}, folder / "sparse.pt")


@kind("torch.quantized", 10)
def quantized(folder: Path, chance: random.Random) -> None:
    made = torch.quantize_per_tensor(torch.rand(3, 3), 0.1, chance.randrange(9), torch.quint8)
    torch.save(
        {"q": made, "c": torch.quantize_per_channel(torch.rand(2, 2), torch.ones(2), torch.zeros(2), 0, torch.qint8)},
        folder / "quantized.pt",
    )


@kind("torch.jit", 16)
def scripts(folder: Path, chance: random.Random) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU()).eval()
    made = torch.jit.script(model) if chance.random() < 0.5 else torch.jit.trace(model, torch.rand(1, 3))
    made.save(str(folder / chance.choice(("model.pt", "scripted.ptl", "model.torchscript"))))


@kind("torch.export", 8)
def exported(folder: Path, chance: random.Random) -> None:
    torch.export.save(
        torch.export.export(nn.Linear(3, chance.randrange(1, 5)), (torch.rand(2, 3),)), folder / "model.pt2"
    )


@kind("torch.package", 4)
def packaged(folder: Path, chance: random.Random) -> None:
    with torch.package.PackageExporter(folder / "package.pt") as made:
        made.extern("torch.**")
        made.save_pickle("model", "model.pkl", nn.Linear(2, 2))


@kind("torch.distributed", 8)
def distributed(folder: Path, chance: random.Random) -> None:
    import torch.distributed.checkpoint as dcp

    dcp.save(
        {"model": {f"w{n}": tensor(chance, torch.float32) for n in range(3)}, "step": 3},
        checkpoint_id=folder / "checkpoint",
        no_dist=True,
    )


@kind("torch.geometry of values", 10)
def values(folder: Path, chance: random.Random) -> None:
    torch.save(
        {
            "device": torch.device("cpu"),
            "g": torch.Generator().get_state(),
            "n": torch.tensor(float("nan")),
            "e": torch.empty(0),
            "t": (tensor(chance),),
        },
        folder / "values.pt",
    )


@kind("torchvision", 6)
def vision(folder: Path, chance: random.Random) -> None:
    import torchvision

    torch.save(
        chance.choice((torchvision.models.squeezenet1_1, torchvision.models.mobilenet_v3_small))(
            num_classes=2
        ).state_dict(),
        folder / "vision.pth",
    )


@kind("timm", 4)
def timms(folder: Path, chance: random.Random) -> None:
    import timm

    torch.save(
        {"state_dict": timm.create_model("test_vit", num_classes=2).state_dict(), "arch": "test_vit"},
        folder / "timm.pth",
    )


@kind("torchmetrics", 10)
def measures(folder: Path, chance: random.Random) -> None:
    import torchmetrics

    made: Any = chance.choice(
        (
            torchmetrics.MeanMetric,
            torchmetrics.SumMetric,
            lambda: torchmetrics.Accuracy(task="multiclass", num_classes=3),
            torchmetrics.MeanSquaredError,
        )
    )()
    torch.save({"metric": made.state_dict(), "whole": made}, folder / "metric.pt")


@kind("lightning", 8)
def lightnings(folder: Path, chance: random.Random) -> None:
    import lightning

    class Small(lightning.LightningModule):
        def __init__(self, width: int = 3) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = nn.Linear(width, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.layer(batch[0]).sum()

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(4, 3)), batch_size=2)
    trainer = lightning.Trainer(
        max_epochs=1, logger=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder
    )
    trainer.fit(Small(), data)
    trainer.save_checkpoint(folder / "last.ckpt")


@kind("stable_baselines3", 5)
def agents(folder: Path, chance: random.Random) -> None:
    import stable_baselines3

    chance.choice((stable_baselines3.PPO, stable_baselines3.A2C))(
        "MlpPolicy", "CartPole-v1", n_steps=8, seed=chance.randrange(9)
    ).save(folder / "agent.zip")


@kind("torch.optimizers", 20)
def optimizers(folder: Path, chance: random.Random) -> None:
    layer = nn.Linear(3, 2)
    made = chance.choice(
        (torch.optim.Adam, torch.optim.NAdam, torch.optim.RAdam, torch.optim.Adamax, torch.optim.ASGD)
    )(layer.parameters())
    layer(torch.rand(2, 3)).sum().backward()
    made.step()
    torch.save(chance.choice((made.state_dict(), made)), folder / "optimizer.pt")


@kind("torch.containers", 12)
def containers(folder: Path, chance: random.Random) -> None:
    inner = [network(chance) for _ in range(2)]
    torch.save(
        chance.choice((nn.ModuleList(inner), nn.ModuleDict({"a": inner[0]}), nn.DataParallel(inner[0]))),
        folder / "modules.pt",
    )


@kind("torch.arrays", 12)
def with_arrays(folder: Path, chance: random.Random) -> None:
    import numpy

    torch.save(
        {"w": tensor(chance), "stats": numpy.arange(5.0), "best": numpy.float64(0.5), "names": ["a"]}, folder / "run.pt"
    )
