"""What the trainings share: the fit, the weights it leaves, and the record of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from logolib.config import TrainSettings
from logolib.data import data_hash_of
from logolib.models.lineage import Lineage, training_lineage
from logolib.models.weights import model_folder, save_config, save_weights
from logolib.results import StageResult, Stopwatch, data_hash, write_result
from logolib.train import processes
from logolib.train.loop import Extras, Fitted, Hook, Loss, fit

UNCHANGING = {"resume", "report_to", "save_frequency", "workers"}  # settings that leave the weights as they are


@dataclass
class Job:
    """One training: `name` is its folder under the run, its label and its stage."""

    name: str
    settings: TrainSettings
    data: Path
    run: Path
    seed: int
    profile: str
    resume: bool
    progress: bool
    source_hash: str | None = None  # of the data, where it is not a data set's shards
    parents: tuple[Path, ...] = ()  # folders of the models that it learns with
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def out(self) -> Path:
        """Where its files go."""
        return self.run / self.name

    @property
    def checkpoint(self) -> Path:
        """What a stopped run goes on from."""
        return self.out / "latest.pt"

    @property
    def start(self) -> Path | None:
        """The folder of the weights to fine-tune, if any."""
        return model_folder(self.settings.start) / self.name if self.settings.start else None

    def fit(
        self,
        network: nn.Module,
        loss: Loss,
        hook: Hook,
        sources: list[str],
        hook_every: int = 0,
        extras: Extras | None = None,
    ) -> Fitted:
        """Train; `sources` are hashes of what it learns from: other ones start afresh instead of resuming."""
        key = data_hash([*sources, self.settings.model_dump_json(exclude=UNCHANGING), str(self.seed)])
        return fit(
            network,
            loss,
            self.settings,
            self.checkpoint,
            seed=self.seed,
            key=key,
            resume=self.resume,
            hook=hook,
            hook_every=hook_every or max(1, self.settings.steps // 12),
            label=self.name,
            progress=self.progress,
            extras=extras,
        )

    def lineage(self) -> Lineage:
        """What the weights will depend on."""
        source = self.source_hash or data_hash_of(self.data)
        return training_lineage(self.settings, self.data, source, self.seed, self.name, self.parents)

    def save(self, network: nn.Module, about: dict[str, Any]) -> None:
        """Write model.safetensors, and config.json with the lineage; of several processes the first does."""
        if processes.rank() > 0:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        save_weights(network, self.out / "model.safetensors")
        save_config(self.out, {**about, "lineage": self.lineage().record()})

    def record(self, fitted: Fitted, values: dict[str, Any]) -> StageResult:
        """Write result.json: the curve, the speed, the size, and `values`."""
        speed = round(fitted.steps_run * self.settings.batch_size / fitted.seconds, 1) if fitted.steps_run else None
        common = {
            "curve": fitted.curve,
            "parameters": sum(p.numel() for p in fitted.network.parameters()),
            "images_per_s": speed,
            "resumed_at": fitted.first,  # step; 0 when one process did it all
            "rolled_back_at": fitted.rolled_back,  # step; 0 when the loss never exploded
        }
        provenance = self.watch.provenance(
            self.settings, self.seed, self.source_hash or data_hash_of(self.data), self.profile
        )
        files = {"weights": "model.safetensors", "config": "config.json"}
        result = StageResult(self.name, common | values, files, provenance)
        if processes.rank() == 0:
            write_result(self.out / "result.json", result)
        return result
