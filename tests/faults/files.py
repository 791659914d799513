"""The subjects: pages, pictures, tars, tables, Parquet, weights, JSON, YAML, notebooks, votes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from faults.judged import verb
from faults.pages import page_subjects
from faults.subjects import Subject, digest, fewer, lasting, result
from faults.world import World
from logolib.data import load_pairs
from logolib.pipeline.book import refuse_failed
from logolib.pipeline.notebook import check_parameters
from logolib.pipeline.plan import read_plan
from logolib.report import tables
from logolib.study.store import Store

Use = Callable[[World, Path], Any]
MODEL = "run/model"


def collected(source: str, _: World, at: Path) -> Any:
    """The manifest's rows by name, what each says, and how many were left out."""
    verb("collect", at / source, "--out", at / "out", "--profile", "smoke")
    return _manifest(at / "out")


def _manifest(out: Path) -> Any:
    found = json.loads((out / "result.json").read_text("utf8"))
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    if len(rows) != found["values"]["logos"]:
        raise AssertionError("the result counts other rows than the manifest has")
    for row in rows:
        with Image.open(out / row["image"]) as picture:
            picture.load()
            if picture.size != (row["width"], row["height"]) or digest(out / row["image"]) != row["sha256"][:16]:
                raise AssertionError(f"{row['image']} is not as the manifest says")
    return {
        "rows": {row["image_url"]: (row["caption"], row["sha256"]) for row in rows},
        "skipped": len(found["skipped"]),
    }


def built(_: World, at: Path) -> Any:
    """The data set's rows, and what was left out."""
    verb("dataset", at / "collected", "--out", at / "out", "--profile", "smoke")
    found = json.loads((at / "out" / "result.json").read_text("utf8"))
    rows = pq.read_table(at / "out" / "manifest.parquet").to_pylist()
    if len(rows) != found["values"]["train"] + found["values"]["val"]:
        raise AssertionError("the result counts other rows than there are")
    return {"rows": {row["id"]: (row["caption"], row["sha256"]) for row in rows}, "skipped": len(found["skipped"])}


def pairs(_: World, at: Path) -> Any:
    """What trainings see of the shards."""
    found = {split: load_pairs(at / "data", split, 32) for split in ("train", "val")}  # type: ignore[arg-type]
    rows = {
        name: (pair.captions[i], pair.images[i].tobytes()) for pair in found.values() for i, name in enumerate(pair.ids)
    }
    return {"rows": rows, "skipped": sum(pair.skipped for pair in found.values())}


def trained(part: str, world: World, at: Path, *more: str) -> Any:
    """The numbers of a short training."""
    verb("train", part, "--data", at / "data", "--out", at / MODEL, *world.short, *more)
    return {**result(at / MODEL / part), "weights": digest(at / MODEL / part / "model.safetensors")}


def resumed(part: str, world: World, at: Path) -> Any:
    """The same, from the checkpoint of one that was stopped."""
    (at / MODEL / part / "result.json").unlink()
    made = trained(part, world, at, "--resume")
    made["values"].pop("resumed_at")
    return made


def drawn(model: str, _: World, at: Path) -> Any:
    """The pictures that a model draws."""
    verb("generate", "a red lion", "--out", at / "out", "--model", at / model, "--profile", "smoke")
    return [digest(file) for file in sorted((at / "out").glob("*.png"))]


def exported(to: str, _: World, at: Path) -> Any:
    """The files that another library loads."""
    verb("export", at / MODEL, "--to", to, "--out", at / "out")
    return {file.name: digest(file) for file in sorted((at / "out").iterdir()) if file.suffix == ".json"}


def examined(file: str, _: World, at: Path, *more: str) -> Any:
    """The doctor's findings."""
    return lasting([one["what"] for one in json.loads(verb("doctor", at / file, "--json", *more))][:1])


def analysed(votes: str, _: World, at: Path) -> Any:
    """What the votes of a study say."""
    verb("study", "analyse", at / "study", at / votes, "--out", at / "out", "--profile", "smoke")
    return result(at / "out")["values"]


def judged(_: World, at: Path) -> Any:
    """Votes beside the automatic judge."""
    words = ("--judge", at / "votes/fit.json", "--out", at / "out", "--profile", "smoke")
    verb("study", "analyse", at / "study", at / "votes/votes.csv", *words)
    return result(at / "out")["values"]


def designed(_: World, at: Path) -> Any:
    """A study of two arms."""
    verb(
        "study",
        "design",
        "--arm",
        f"base={at / 'arms/base'}",
        "--arm",
        f"tuned={at / 'arms/tuned'}",
        "--out",
        at / "out",
    )
    return lasting(json.loads((at / "out/study.json").read_text("utf8")))


def page_of_study(_: World, at: Path) -> Any:
    """The study as one HTML file."""
    verb("study", "export", at / "study", "--out", at / "out.html")
    return digest(at / "out.html")


def vectorised(file: str, _: World, at: Path) -> Any:
    """A picture as paths."""
    verb("vector", at / file, "--out", at / "out", "--profile", "smoke")
    return sorted(path.name for path in (at / "out").glob("*.svg"))


def varied(_: World, at: Path) -> Any:
    """Other pictures of what a picture shows."""
    words = ("--out", at / "out", "--model", at / MODEL, "--profile", "smoke")
    verb("generate", "--vary", at / "pics/0.png", *words)
    return len(list((at / "out").glob("*.png")))


def again(_: World, at: Path) -> Any:
    """A picture made again from what it carries."""
    verb("generate", "--again", at / "samples/0-a-red-lion.png", "--model", at / MODEL, "--out", at / "out")
    with Image.open(at / "out/0-a-red-lion.png") as picture:
        return picture.tobytes() == (at / "samples/pixels").read_bytes() if (at / "samples/pixels").exists() else True


def table(_: World, at: Path) -> Any:
    """A CLIP trained on a table of pictures."""
    words = ["--set", 'clip.csv_img_key="file"', "--set", 'clip.csv_caption_key="caption"', "--set", "clip.patience=0"]
    words += ["--set", "clip.batch_size=2", "--set", "clip.steps=1", "--set", "clip.drawn=0"]
    verb("train", "clip", "--data", at / "pics/captions.csv", "--out", at / "run", *_.short, *words)
    return result(at / "run/clip")["values"]["pairs"]


def prompted(_: World, at: Path) -> Any:
    """The prompts of a file, for models that are not here."""
    words = ("--set", f"baselines.prompts={at / 'texts/0.txt'}", "--set", "baselines.models=[dalle-mini]")
    verb("baselines", "--out", at / "out", "--profile", "smoke", *words)
    return result(at / "out")["values"]["prompts"]


def configured(part: str, _: World, at: Path) -> Any:
    """A training with a config of dalle2-pytorch's."""
    verb(
        "train",
        part,
        "--data",
        at / "data",
        "--out",
        at / MODEL,
        *_.short,
        "--config",
        at / f"exported/train_{part}.json",
    )
    return result(at / MODEL / part)["values"]["parameters"]


def shown(stage: str, file: str, _: World, at: Path) -> Any:
    """The numbers that the book takes from a result."""
    return tables.numbers(stage, tables.load(at / file))


def project(name: str, _: World, at: Path) -> Any:
    """A notebook, before it is run and before it is published."""
    check_parameters(at / name, ["profile", "run", "changes"])
    refuse_failed([at / name])
    return True


def planned(_: World, at: Path) -> Any:
    """A run's plan, as every job reads it."""
    plan = read_plan(at / "plans/plan.json")
    return plan.name, plan.profile, plan.changes


def stored(_: World, at: Path) -> Any:
    """The votes of a database."""
    store = Store(f"sqlite:///{at / 'votes/votes.sqlite'}", "0123456789ab")
    try:
        return {number: [vote.choice for vote in votes] for number, votes in store.all().items()}
    finally:
        store.close()


def whole_or_said(made: Any, whole: Any) -> str:
    """Nothing to compare: that it ended in a result is enough."""
    return ""


def subjects() -> list[Subject]:
    """All of them."""
    found = [
        *page_subjects(),
        Subject("image", "collect PNG", ("pics",), "pics/0.png", partial(collected, "pics"), fewer),
        Subject("image", "collect JPEG", ("pics",), "pics/2.jpg", partial(collected, "pics"), _fewer_or_other("2.jpg")),
        Subject(
            "image", "collect WebP", ("pics",), "pics/3.webp", partial(collected, "pics"), _fewer_or_other("3.webp")
        ),
        Subject("image", "collect GIF", ("pics",), "pics/4.gif", partial(collected, "pics"), _fewer_or_other("4.gif")),
        Subject("image", "collect BMP", ("pics",), "pics/5.bmp", partial(collected, "pics"), _fewer_or_other("5.bmp")),
        Subject("image", "study design", ("arms",), "arms/base/0.png", designed, whole_or_said),
        Subject("image", "vector", ("pics",), "pics/0.png", partial(vectorised, "pics/0.png"), whole_or_said),
        Subject("image", "vary", ("pics", "run"), "pics/0.png", varied, whole_or_said),
        Subject("image", "again", ("samples", "run"), "samples/0-a-red-lion.png", again, whole_or_said),
        Subject(
            "text", "collect .txt", ("texts",), "texts/0.txt", partial(collected, "texts"), _fewer_or_other("0.png")
        ),
        Subject("text", "prompts", ("texts",), "texts/0.txt", prompted, whole_or_said),
        Subject("tar", "collect", ("tars",), "tars/00000.tar", partial(collected, "tars"), _of_tar),
        Subject("tar", "shards", ("data",), "data/train-000000.tar", pairs, _nothing_changed),
        Subject("tar", "doctor", ("tars",), "tars/00000.tar", partial(examined, "tars"), whole_or_said),
        Subject("tar", "embeddings", ("tars",), "tars/img_emb_00000.npy", partial(examined, "tars"), whole_or_said),
        Subject("csv", "collect", ("pics",), "pics/captions.csv", partial(collected, "pics"), whole_or_said),
        Subject("csv", "train clip", ("pics",), "pics/captions.csv", table, whole_or_said),
        Subject("csv", "study design", ("arms",), "arms/base/captions.csv", designed, whole_or_said),
        Subject("parquet", "dataset", ("collected",), "collected/manifest.parquet", built),
        Subject("safetensors", "generate CLIP", ("run",), f"{MODEL}/clip/model.safetensors", partial(drawn, MODEL)),
        Subject("safetensors", "generate prior", ("run",), f"{MODEL}/prior/model.safetensors", partial(drawn, MODEL)),
        Subject(
            "safetensors", "generate decoder", ("run",), f"{MODEL}/decoder/model.safetensors", partial(drawn, MODEL)
        ),
        Subject("safetensors", "saved", ("saved",), "saved/decoder/model.safetensors", partial(drawn, "saved")),
        Subject(
            "safetensors", "train prior", ("run", "data"), f"{MODEL}/clip/model.safetensors", partial(trained, "prior")
        ),
        *(
            Subject(
                "checkpoint", f"resume {part}", ("run", "data"), f"{MODEL}/{part}/latest.pt", partial(resumed, part)
            )
            for part in ("clip", "prior", "decoder")
        ),
        Subject(
            "checkpoint",
            "doctor prior",
            ("exported",),
            "exported/prior.pth",
            partial(examined, "exported/prior.pth"),
            whole_or_said,
        ),
        Subject(
            "checkpoint",
            "doctor decoder",
            ("exported",),
            "exported/decoder.pth",
            partial(examined, "exported/decoder.pth"),
            whole_or_said,
        ),
        Subject(
            "notebook",
            "01",
            ("notebooks",),
            "notebooks/01_collect.ipynb",
            partial(project, "notebooks/01_collect.ipynb"),
            free=True,
            values=True,
        ),
        Subject(
            "notebook",
            "09",
            ("notebooks",),
            "notebooks/09_evaluate.ipynb",
            partial(project, "notebooks/09_evaluate.ipynb"),
            free=True,
            values=True,
        ),
        Subject(
            "votes", "CSV", ("study", "votes"), "votes/votes.csv", partial(analysed, "votes/votes.csv"), whole_or_said
        ),
        Subject(
            "votes",
            "answers",
            ("study", "votes"),
            "votes/answers.json",
            partial(analysed, "votes/answers.json"),
            free=True,
            values=True,
        ),
        Subject("votes", "SQLite", ("votes",), "votes/votes.sqlite", stored, whole_or_said),
        Subject("json", "fit", ("study", "votes"), "votes/fit.json", judged, free=True, values=True),
        Subject(
            "json",
            "study",
            ("study", "votes"),
            "study/study.json",
            partial(analysed, "votes/votes.csv"),
            free=True,
            values=True,
        ),
        Subject("json", "study page", ("study",), "study/study.json", page_of_study, free=True, values=True),
        Subject("json", "plan", ("plans",), "plans/plan.json", planned, free=True, values=True),
        Subject(
            "json",
            "result of clip",
            ("run",),
            f"{MODEL}/clip/result.json",
            partial(shown, "clip", f"{MODEL}/clip/result.json"),
            values=True,
        ),
        Subject(
            "json",
            "result of dataset",
            ("data",),
            "data/result.json",
            partial(shown, "dataset", "data/result.json"),
            values=True,
        ),
        Subject("json", "model index", ("saved",), "saved/model_index.json", partial(drawn, "saved"), values=True),
        *(
            Subject(
                "json", f"config of {part}", ("run",), f"{MODEL}/{part}/config.json", partial(drawn, MODEL), values=True
            )
            for part in ("clip", "prior", "decoder")
        ),
        Subject(
            "json", "lineage", ("run", "data"), "data/lineage.json", partial(trained, "prior"), free=True, values=True
        ),
        Subject(
            "json",
            "doctor decoder",
            ("exported", "tars"),
            "exported/train_decoder.json",
            _doctored,
            free=True,
            values=True,
        ),
        Subject(
            "json",
            "doctor load",
            ("exported",),
            "exported/load.json",
            partial(examined, "exported/load.json"),
            free=True,
            values=True,
        ),
        Subject(
            "json",
            "train --config",
            ("exported", "data", "run"),
            "exported/train_decoder.json",
            partial(configured, "decoder"),
            free=True,
            values=True,
        ),
    ]
    return found


def _doctored(world: World, at: Path) -> Any:
    return examined(
        "exported/train_decoder.json", world, at, "--data", str(at / "tars"), "--fix", str(at / "fixed.json")
    )


def _fewer_or_other(name: str) -> Callable[[Any, Any], str]:
    """A picture without checksums may be another one: it is what Pillow sees."""

    def honest(made: Any, whole: Any) -> str:
        without = {
            side: {k: v for k, v in rows["rows"].items() if k != name}
            for side, rows in (("made", made), ("whole", whole))
        }
        return fewer({**made, "rows": without["made"]}, {**whole, "rows": without["whole"]})

    return honest


def _of_tar(made: Any, whole: Any) -> str:
    others = {k: v for k, v in whole["rows"].items() if "00001.tar" in k}
    return "" if others.items() <= made["rows"].items() else "the rows of the other tar are lost"


def _nothing_changed(made: Any, whole: Any) -> str:
    return "" if made == whole else "another data set is taken for this one"
