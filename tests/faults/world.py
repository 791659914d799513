"""Small sound inputs of every kind, made once, from which each case takes a copy."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from logolib.collect import collect
from logolib.config import Profile, StudySettings, load_profile
from logolib.data import build_dataset
from logolib.emblems import clubs, draw
from logolib.generate import generate
from logolib.generate.pipeline import LogoPipeline
from logolib.models import export
from logolib.models.lineage import Lineage, state
from logolib.study.design import design
from logolib.study.sheets import load_study, sheet
from logolib.study.store import Store, Vote
from logolib.study.votes import question_rows, to_csv
from logolib.train import train_clip, train_decoder, train_prior

ROOT = Path(__file__).parents[2]
CLUBS = 16
SHORT = ["clip.drawn=8", "prior.drawn=8", "decoder.drawn=8", "decoder.cond_dim=24"]
TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8},
    "text_cfg": {"context_length": 48, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@dataclass(frozen=True)
class World:
    """A folder of sound inputs: pics, texts, tars, collected, data, model, saved, samples, arms, study,
    exported."""

    root: Path
    profile: Profile

    def copy(self, into: Path, *names: str) -> None:
        """Some of its folders in another folder; the files are the same ones, so that nothing may write into them."""
        for name in names:
            shutil.copytree(self.root / name, into / name, copy_function=os.link)

    @property
    def short(self) -> list[str]:
        """Words of the command line that make a training short, at the smoke profile."""
        return ["--profile", "smoke", *(word for change in self.changes for word in ("--set", change))]

    @property
    def changes(self) -> list[str]:
        """Settings of the tiny models, besides those of the smoke profile."""
        return [*SHORT, f"clip.model={self.root / 'tiny.json'}"]


def make_world(root: Path, *, models: bool = True) -> World:
    """All of it in a minute; without models, in seconds, what needs none."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "tiny.json").write_text(json.dumps(TINY), "utf8")
    world = World(root, load_profile("smoke", [*SHORT, f"clip.model={root / 'tiny.json'}"]))
    profile = world.profile
    _pictures(root)
    collect(profile.collect.model_copy(update={"source": str(root / "pics")}), root / "collected", progress=False)
    build_dataset(profile.dataset, root / "collected", root / "data", progress=False)
    _tars(root)
    _study(root)
    _others(root)
    if models:
        run = root / "run" / "model"
        train_clip(profile.clip, root / "data", run, progress=False)
        train_prior(profile.prior, root / "data", run, progress=False)
        train_decoder(profile.decoder, root / "data", run, progress=False)
        LogoPipeline.from_pretrained(run).save_pretrained(root / "saved")
        generate(profile.generate, ["a red lion", "a blue star"], run, root / "samples", progress=False)
        export(run, "dalle2-pytorch", root / "exported")
        export(run, "open_clip", root / "exported")
        _upstream(root)
    return world


def _others(root: Path) -> None:
    """Pages, a description of their site, notebooks, a plan, a database of votes, what people write by hand."""
    from faults.pages import write_site

    write_site(root / "web")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for folder in ("site", "plans"):
        (root / folder).mkdir()
    shutil.copy(ROOT / "logolib/collect/sites/sportslogohistory.yaml", root / "site" / "site.yaml")
    plan = {"name": "smoke", "profile": "smoke", "changes": "clip.steps=3", "parameters": {}}
    (root / "plans" / "plan.json").write_text(json.dumps(plan), "utf8")
    state(Lineage(frozenset({"LAION"}), frozenset({"some weights"})), root / "data")
    store = Store(f"sqlite:///{root / 'votes/votes.sqlite'}", "0123456789ab")
    for _ in range(3):
        number, _ = store.join().result()
        for place in range(4):
            store.vote(number, Vote(place, 1, 900, f"{number:016x}{place:016x}")).result()
    store.close()


def _upstream(root: Path) -> None:
    """Configs of dalle2-pytorch and dalle2-laion beside the weights that they name."""
    folder = root / "exported"
    unet = {"dim": 16, "image_embed_dim": 512, "cond_dim": 24, "channels": 3, "dim_mults": [1, 2]}
    decoder = {"unets": [unet], "image_sizes": [32], "timesteps": 50, "learned_variance": False}
    data = {"webdataset_base_url": "{}.tar", "batch_size": 4, "splits": {"train": 0.75, "val": 0.15, "test": 0.1}}
    data |= {
        "preprocessing": {"RandomResizedCrop": {"size": [64, 64], "scale": [1, 1], "ratio": [1, 1]}, "ToTensor": True}
    }
    train = {"epochs": 1, "lr": 1e-4, "wd": 0.01, "device": "cpu", "warmup_steps": 2, "use_ema": True, "ema_beta": 0.99}
    whole = {"decoder": decoder, "data": data, "train": train, "tracker": {"log": {"log_type": "console"}}}
    (folder / "train_decoder.json").write_text(json.dumps(whole), "utf8")
    source = {"load_model_from": {"load_type": "local", "path": "prior.pth"}}
    sources = [{"unet_numbers": [1], "load_model_from": {"load_type": "local", "path": "decoder.pth"}}]
    (folder / "load.json").write_text(json.dumps({"prior": source, "decoder": {"unet_sources": sources}}), "utf8")


def _pictures(root: Path) -> None:
    for folder in ("pics", "texts"):
        (root / folder).mkdir(parents=True)
    lines = ["file,caption,team,league"]
    for i, club in enumerate(clubs(CLUBS, 0)):
        name = f"{i}.{('png', 'png', 'jpg', 'webp', 'gif', 'bmp')[i % 6]}"
        picture = Image.fromarray(draw(club.emblem, 64))
        (picture.convert("RGB") if i % 6 in (2, 5) else picture).save(root / "pics" / name)
        caption = club.caption.replace('"', '""')
        lines.append(f'{name},"{caption}",{club.name},{club.league}')
        if i < 6:
            picture.save(root / "texts" / f"{i}.png")
            (root / "texts" / f"{i}.txt").write_text(club.caption, "utf8")
    (root / "pics" / "captions.csv").write_text("\n".join(lines), "utf8")


def _tars(root: Path) -> None:
    (root / "tars").mkdir()
    for number in range(2):
        with tarfile.open(root / "tars" / f"{number:05d}.tar", "w") as tar:
            for i in range(3):
                for suffix in ("png", "txt"):
                    tar.add(root / "texts" / f"{3 * number + i}.{suffix}", f"{number:05d}{i:04d}.{suffix}")
        np.save(root / "tars" / f"img_emb_{number:05d}.npy", np.ones((3, 8), np.float32))


def _study(root: Path) -> None:
    captions = ["a red lion", "a blue star", "a green tree", "a gold crown"]
    for arm, colour in (("base", "red"), ("tuned", "blue")):
        folder = root / "arms" / arm
        folder.mkdir(parents=True)
        for i in range(len(captions)):
            Image.new("RGB", (48, 48), colour).save(folder / f"{i}.png")
        rows = [f"{i}.png,{caption}" for i, caption in enumerate(captions)]
        (folder / "captions.csv").write_text("\n".join(["file,caption", *rows]), "utf8")
    settings = StudySettings(bootstrap=100)
    design(settings, {arm: root / "arms" / arm for arm in ("base", "tuned")}, root / "study")
    study = load_study(root / "study")
    votes = root / "votes"
    votes.mkdir()
    rows = []
    for rater in range(3):
        for q in sheet(study, rater):
            right = q.arms.index("check-right") if q.kind == "check" else q.arms.index("tuned")
            rows += question_rows(study, f"r{rater}", q, right, 1500 + rater)
    (votes / "votes.csv").write_text(to_csv(rows), "utf8")
    given = []
    for q in sheet(study, 7):
        right = q.arms.index("check-right") if q.kind == "check" else q.arms.index("base")
        given.append({"choice": right, "ms": 900})
    answers = {"study": study.study, "rater": "f-0123456789", "sheet": 7, "answers": given}
    (votes / "answers.json").write_text(json.dumps(answers), "utf8")
    judged = [
        {"prompt": text, "base": {"similarity": 0.1 + i / 50}, "tuned": {"similarity": 0.2}}
        for i, text in enumerate(captions)
    ]
    (votes / "fit.json").write_text(json.dumps(judged), "utf8")
