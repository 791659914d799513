"""The command line: one verb per stage; each builds its settings and stops there."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from logolib.config import Profile
    from logolib.results import StageResult

DISK_FULL = (
    "The disk is full; free some space (old folders under runs/ are the largest) "
    "and run the same command again: nothing finished is lost."
)
NO_MEMORY = (
    "The memory of this machine is too small for what was asked; "
    "ask for smaller pictures, batches or networks, or take a larger machine."
)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn any failure into one sentence on stderr and an exit code."""
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as stop:
        _fail(str(stop) or "Interrupted; nothing finished is lost, and the next run resumes from here.", 130)
    except Exception as error:
        from logolib.config import LogolibError

        if os.environ.get("LOGOLIB_DEBUG") == "1":
            raise
        if isinstance(error, LogolibError):
            _fail(str(error), 1)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            _fail(DISK_FULL, 1)
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in str(error)):
            _fail(NO_MEMORY, 1)
        _fail(_unexpected(error), 1)


def _fail(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def _unexpected(error: Exception) -> str:
    """Keep the traceback of an unforeseen failure in a file; return the sentence that names it."""
    import tempfile
    import traceback

    what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":. ")
    try:
        with tempfile.NamedTemporaryFile("w", prefix="logolib-", suffix=".log", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"Unexpected {what}; please report it with what LOGOLIB_DEBUG=1 prints."
    return f"Unexpected {what}; please report it with the traceback in {file.name}."


app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help takes half the time to show
    help="From captioned logos to a trained text-to-image model and a published report.",
)


class ProfileName(StrEnum):
    """The shipped profiles."""

    smoke = "smoke"
    demo = "demo"
    base = "base"
    gpu = "gpu"


class Part(StrEnum):
    """The models that `train` makes."""

    clip = "clip"
    prior = "prior"
    decoder = "decoder"
    upsampler = "upsampler"
    captioner = "captioner"


class Upstream(StrEnum):
    """The libraries that `export` writes for."""

    dalle2_pytorch = "dalle2-pytorch"
    open_clip = "open_clip"


class Engine(StrEnum):
    """Where the stages of a run work."""

    local = "local"
    slurm = "slurm"


class Way(StrEnum):
    """How words stand to their crest."""

    straight = "straight"
    arc = "arc"
    ribbon = "ribbon"


ProfileOption = Annotated[ProfileName, typer.Option(help="The settings to start from.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="STAGE.SETTING=VALUE", help="Change one setting; repeatable."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="End with one line of JSON.")]
SourceOption = Annotated[
    str | None, typer.Option(help="demo | an http(s) address | a folder, here or at a URL such as s3://bucket/logos")
]
EngineOption = Annotated[Engine, typer.Option(help="This machine, or SLURM's, a job a stage.")]
OutOption = Annotated[Path, typer.Option(help="Where to write.")]
DataOption = Annotated[str, typer.Option(metavar="DIR|URL", help="What `logolib dataset` wrote, here or elsewhere.")]


@app.callback(invoke_without_command=True)
def _top(
    ctx: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from logolib import __version__

        typer.echo(__version__)
    elif ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command()
@_one_sentence()
def collect(
    source: Annotated[str, typer.Argument(help="demo | an http(s) address | a folder")],
    out: OutOption,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect captioned logos into a manifest."""
    settings = _settings(profile, [*(changes or ()), f"collect.source={json.dumps(source)}"])
    from logolib.collect import collect as stage

    _report(stage(settings.collect, out, seed=settings.seed, profile=profile.value), out, as_json)


@app.command()
@_one_sentence()
def dataset(
    collected: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `logolib collect` wrote.")],
    out: OutOption,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Clean a manifest, split it by club, write shards and CSVs."""
    settings = _settings(profile, changes)
    from logolib.data import build_dataset

    _report(
        build_dataset(settings.dataset, collected, out, seed=settings.seed, profile=profile.value),
        out,
        as_json,
    )


@app.command()
@_one_sentence()
def caption(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Pictures, or a folder that `collect` wrote.")],
    out: OutOption,
    model: Annotated[
        str | None, typer.Option(metavar="default|DIR|OWNER/NAME", help="The captioner; the profile's unless told.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Captioned logos that set the gate, as `collect` wrote them.")
    ] = None,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write captions for logos that have none; a gate refuses the vague and the false."""
    given = {"caption.model": model, "caption.pairs": str(pairs) if pairs is not None else None}
    asked = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    settings = _settings(profile, [*(changes or ()), *asked])
    from logolib.caption import caption as stage

    result = stage(settings.caption, source, out, seed=settings.seed, profile=profile.value)
    _report(result, out, as_json)


@app.command()
@_one_sentence()
def train(
    part: Annotated[
        Part, typer.Argument(metavar="clip|prior|decoder|upsampler|captioner", help="Which of the models.")
    ],
    data: DataOption,
    run: Annotated[Path, typer.Option("--out", metavar="RUN", help="The models' folder.")],
    clip: Annotated[Path | None, typer.Option(help="A trained CLIP; RUN/clip unless told.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="RUN|default", help="The models to fine-tune, instead of new ones.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    recipe: Annotated[str | None, typer.Option(help="A known experiment's settings: clip_2022.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="dalle2-pytorch's config of a prior or a decoder, instead of a profile.")
    ] = None,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train one of the models on a data set."""
    given: list[str] = []
    folder = _here(data, run.parent / "inputs")
    if config is not None:
        if part not in (Part.prior, Part.decoder):
            _fail(f"`train {part.value}` takes no --config; `train prior` and `train decoder` do.", 2)
        from logolib.doctor import changes_of

        given = changes_of(config, folder, part.value)
    asked = [f"{part.value}.start={json.dumps(start)}"] if start is not None else []
    settings = _settings(profile, [*given, *(changes or ()), *asked], recipe)
    import logolib.train as stages

    if part in (Part.clip, Part.upsampler, Part.captioner) and clip is not None:
        _fail(f"`train {part.value}` takes no --clip; to start from weights use --from.", 2)
    common: dict[str, Any] = {"seed": settings.seed, "profile": profile.value, "resume": resume}
    if part == Part.clip:
        result = stages.train_clip(settings.clip, folder, run, **common)
    elif part == Part.prior:
        result = stages.train_prior(settings.prior, folder, run, clip=clip, **common)
    elif part == Part.decoder:
        result = stages.train_decoder(settings.decoder, folder, run, clip=clip, **common)
    elif part == Part.upsampler:
        result = stages.train_upsampler(settings.upsampler, folder, run, **common)
    else:
        result = stages.train_captioner(settings.captioner, folder, run, **common)
    _report(result, run / part.value, as_json)


@app.command()
@_one_sentence()
def generate(
    out: OutOption,
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="[PROMPT...]", help="What the logos should show.")
    ] = None,
    model: Annotated[str, typer.Option(metavar="RUN|default|OWNER/NAME", help="The models to draw with.")] = "default",
    n: Annotated[int | None, typer.Option(help="Pictures a prompt; this and what follows: the profile's.")] = None,
    seed: Annotated[int | None, typer.Option(help="The first picture's; the others count on.")] = None,
    size: Annotated[int | None, typer.Option(help="Side in pixels.")] = None,
    num_inference_steps: Annotated[int | None, typer.Option(help="Network evaluations a picture.")] = None,
    sampler: Annotated[str | None, typer.Option(help="One of ddpm, ddim, dpm++, heun.")] = None,
    guidance_scale: Annotated[float | None, typer.Option(help="How strongly the text pulls.")] = None,
    num_candidates: Annotated[int | None, typer.Option(help="Draw so many for each one kept.")] = None,
    palette: Annotated[list[str] | None, typer.Option(metavar="COLOUR", help="Such as #aa0000; repeatable.")] = None,
    vary: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw other pictures of what this shows.")] = None,
    once_more: Annotated[
        Path | None, typer.Option("--again", metavar="FILE", help="Make a picture again from its own metadata.")
    ] = None,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw logos from prompts: PNG files and a contact sheet."""
    if once_more is not None:
        if prompts or vary is not None:
            _fail("`generate --again FILE` takes no prompt and no --vary: the file carries its own.", 2)
        from logolib.generate import again

        typer.echo(f"wrote {again(once_more, model, out)}")
        return
    given = {
        "generate.n": n,
        "generate.size": size,
        "generate.steps": num_inference_steps,
        "generate.sampler": sampler,
        "generate.guidance_scale": guidance_scale,
        "generate.candidates": num_candidates,
        "generate.palette": palette or None,
        "seed": seed,
    }
    asked = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    settings = _settings(profile, [*(changes or ()), *asked])
    from logolib.generate import generate as stage

    result = stage(settings.generate, prompts or [], model, out, seed=settings.seed, profile=profile.value, vary=vary)
    for note in result.values["notes"]:
        typer.echo(note, err=True)
    _report(result, out, as_json)


@app.command()
@_one_sentence()
def vector(
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Drawn logos.")],
    out: OutOption,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Clean logos and trace them: PNG without ground, SVG, PDF."""
    settings = _settings(profile, changes)
    from logolib.generate.usable import make_usable

    _report(make_usable("vector", settings.vector, pictures, out, profile=profile.value), out, as_json)


@app.command()
@_one_sentence()
def letter(
    sources: Annotated[list[str], typer.Argument(metavar="PICTURE|PROMPT...", help="Logos, or what to draw.")],
    out: OutOption,
    words: Annotated[str | None, typer.Option(help="Instead of the words in quotes in the prompt.")] = None,
    way: Annotated[Way, typer.Option(help="How the words stand to the crest.")] = Way.straight,
    as_text: Annotated[bool, typer.Option("--text", help="Keep the words as type in the SVG.")] = False,
    sheet: Annotated[bool, typer.Option("--sheet", help="A brand sheet, instead of the logo alone.")] = False,
    model: Annotated[str, typer.Option(metavar="RUN|default", help="The models that draw prompts.")] = "default",
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the words of logos as type: SVG, PDF and PNG, or a brand sheet."""
    settings = _settings(profile, changes)
    from logolib.generate.usable import make_usable

    kind: Any = "brand" if sheet else "letter"
    how: dict[str, Any] = {"words": words, "way": way.value, "as_text": as_text, "model": model, "seed": settings.seed}
    _report(make_usable(kind, settings.vector, sources, out, profile=profile.value, **how), out, as_json)


@app.command()
@_one_sentence()
def baselines(
    out: OutOption,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="A data set, whose held-out captions `baselines.prompts=held-out` draws."),
    ] = None,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the same prompts with other people's models and ours, timed."""
    settings = _settings(profile, changes)
    from logolib.baselines import baselines as stage

    folder = None if data is None else _here(data, out.parent / "inputs")
    _report(stage(settings.baselines, out, data=folder, seed=settings.seed, profile=profile.value), out, as_json)


@app.command()
@_one_sentence()
def evaluate(
    model: Annotated[list[Path], typer.Option(metavar="RUN...", help="The models to judge; repeatable.")],
    data: DataOption,
    out: OutOption,
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN|PICTURES...]", help="Further models, or folders of pictures.")
    ] = None,
    baselines: Annotated[
        Path | None, typer.Option(metavar="DIR", help="What `logolib baselines` drew of held-out prompts.")
    ] = None,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well generated pictures fit their text, against other models' and true ones."""
    settings = _settings(profile, changes)
    from logolib.evaluate import evaluate as stage

    models = [*model, *(more or ())]
    common: dict[str, Any] = {"seed": settings.seed, "profile": profile.value}
    folder = _here(data, out.parent / "inputs")
    result = stage(settings.evaluate, models, folder, out, baselines=baselines, **common)
    _report(result, out, as_json)


study_app = typer.Typer(help="Ask people: a blind study, its web page, and what the votes say.", no_args_is_help=True)
app.add_typer(study_app, name="study")
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="A folder that `logolib study design` wrote.")]


@study_app.command("design")
@_one_sentence()
def study_design(
    arm: Annotated[list[str], typer.Option(metavar="NAME=FOLDER", help="Pictures to compare; repeatable.")],
    out: OutOption,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build a blind study from folders that `logolib generate` wrote."""
    settings = _settings(profile, changes)
    arms: dict[str, Path] = {}
    for word in arm:
        name, equals, folder = word.partition("=")
        if not equals or name in arms:
            _fail(f"--arm {word!r} must read NAME=FOLDER, each name once.", 2)
        arms[name] = Path(folder)
    from logolib.study.design import design

    result = design(settings.study, arms, out, seed=settings.seed, profile=profile.value)
    _report(result, out, as_json)


@study_app.command("serve")
@_one_sentence()
def study_serve(
    study: StudyArgument,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="SQLAlchemy URL; STUDY/votes.sqlite unless told.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine alone unless told.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    secure: Annotated[
        bool, typer.Option("--https", help="Behind a server that speaks https: cookies need it.")
    ] = False,
) -> None:
    """Run the study as a web page until interrupted."""
    from logolib.study.serve import serve

    serve(study, database, host=host, port=port, secure=secure, say=typer.echo)


@study_app.command("export")
@_one_sentence()
def study_export(
    study: StudyArgument, out: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.")]
) -> None:
    """Write the study as one HTML file whose answers come back as files."""
    from logolib.study.export import export_page

    typer.echo(f"wrote {export_page(study, out)}")


@study_app.command("analyse")
@_one_sentence()
def study_analyse(
    study: StudyArgument,
    votes: Annotated[list[Path], typer.Argument(metavar="VOTES...", help="CSV files, or answers of exported pages.")],
    out: OutOption,
    judge: Annotated[Path | None, typer.Option(help="fit.json of `logolib evaluate`, to compare with people.")] = None,
    scripted: Annotated[bool, typer.Option("--scripted", help="Programs voted, no people; results say so.")] = False,
    profile: ProfileOption = ProfileName.demo,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which arm people prefer, and how surely."""
    settings = _settings(profile, changes)
    from logolib.study.analyse import analyse

    result = analyse(
        settings.study,
        study,
        votes,
        out,
        judge=judge,
        scripted=scripted,
        seed=settings.seed,
        profile=profile.value,
    )
    _report(result, out, as_json)


@app.command()
@_one_sentence()
def doctor(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A config of dalle2-pytorch, a checkpoint or a data set.")
    ],
    data: Annotated[Path | None, typer.Option(help="What a config would train on: a data set, tars or images.")] = None,
    fix: Annotated[Path | None, typer.Option(metavar="OUT", help="Where to write the corrected config.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of JSON instead.")] = False,
) -> None:
    """Say what would go wrong, worst first, each with its remedy; ends 1 when something would fail."""
    from dataclasses import asdict

    from logolib.doctor import as_text, diagnose

    findings = diagnose(file, data, fix)
    typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1) if as_json else as_text(findings))
    if fix is not None:
        typer.echo(f"wrote {fix}", err=as_json)
    raise typer.Exit(any(finding.severity == "fails" for finding in findings))


@app.command()
@_one_sentence()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The models' folder.")],
    to: Annotated[Upstream, typer.Option(help="The library that shall load them.")],
    out: OutOption,
    as_json: JsonOption = False,
) -> None:
    """Write checkpoints that the upstream libraries load."""
    from logolib.models import export as write

    files = write(run, to.value, out)
    for file in files:
        typer.echo(f"wrote {file}")
    if as_json:
        typer.echo(json.dumps({"files": [str(file) for file in files]}))


@app.command()
@_one_sentence()
def run(
    profile: ProfileOption = ProfileName.demo,
    source: SourceOption = None,
    name: Annotated[str | None, typer.Option(help="The run's name; the profile's unless told.")] = None,
    changes: SetOption = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="A parameter of every notebook; repeatable."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    engine: EngineOption = Engine.local,
    results: Annotated[
        str | None, typer.Option(metavar="URL", help="Copy results and book there, in a folder of the run's name.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline and build the book."""
    if results is not None and engine != Engine.local:
        _fail("`run --results` is for this machine; after SLURM's jobs, `logolib copy runs/NAME URL` does it.", 2)
    from logolib import pipeline

    asked: dict[str, Any] = {
        "source": _logos(source),
        "name": name,
        "changes": changes or (),
        "parameters": parameters or (),
        "until": until,
    }
    if engine == Engine.slurm:
        jobs = pipeline.submit(pipeline.make_plan(profile.value, **asked), until)
        for stage, number in jobs.items():
            typer.echo(f"{stage}: job {number}")
        files = []
    else:
        jobs, files = {}, [str(pipeline.run_pipeline(profile.value, **asked))]
        typer.echo(f"wrote {files[0]}")
        if results is not None:
            _send_results(Path("runs") / (name or profile.value), Path(files[0]), results)
    if as_json:
        typer.echo(json.dumps({"run": f"runs/{name or profile.value}", "files": files, "jobs": jobs}))


@app.command()
@_one_sentence()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A folder, or the URL of one.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The other: a URL, or a folder.")],
) -> None:
    """Copy a folder to or from any storage that fsspec knows, each file checked by its hash."""
    from logolib.storage import fetch, is_url, send, shown

    if is_url(source) == is_url(target):
        _fail("`logolib copy` goes from a folder to a URL, such as s3://bucket/run, or back.", 2)
    if is_url(source):
        typer.echo(f"wrote {fetch(source, Path(target))}")
    else:
        typer.echo(f"sent {send(Path(source), target)} files to {shown(target)}")


@app.command()
@_one_sentence()
def sweep(
    name: Annotated[str, typer.Option(help="The sweep's name, and the run's whose report shows it.")],
    profile: ProfileOption = ProfileName.demo,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STAGE.SETTING=VALUE,VALUE", help="The values of one setting; repeatable."),
    ] = None,
    grid: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML: a list of values for each setting.")] = None,
    measure: Annotated[
        str, typer.Option(metavar="STAGE.NUMBER", help="What the figure shows; jobs end with its stage.")
    ] = "evaluate.fit_model",
    source: SourceOption = None,
    engine: EngineOption = Engine.local,
    as_json: JsonOption = False,
) -> None:
    """Run every combination of some settings, and put the results into one table and one figure."""
    from logolib import pipeline

    asked = pipeline.make_sweep(
        profile.value, pipeline.read_grid(changes or (), grid), name=name, measure=measure, source=_logos(source)
    )
    if engine == Engine.slurm:
        for job, number in pipeline.submit_sweep(asked).items():
            typer.echo(f"{job}: job {number}")
        return
    result = pipeline.run_sweep(asked, typer.echo)
    _report(result, asked.folder, as_json)
    if result.skipped:
        first = result.skipped[0]
        _fail(
            f"{len(result.skipped)} of {len(asked.jobs)} jobs have no result, first {first['item']}: "
            f"{first['reason'].rstrip('.')}; the table has the others, and the same command tries these again.",
            1,
        )


@app.command(hidden=True)
@_one_sentence()
def sweep_table(plan: Path) -> None:
    """Gather what a sweep's jobs have left; a scheduler's script calls this."""
    from logolib import pipeline

    found = pipeline.read_sweep(plan)
    _report(pipeline.write_table(found), found.folder, False)


@app.command(hidden=True)
@_one_sentence()
def notebook(
    source: Path,
    target: Path,
    stage: Annotated[str, typer.Option()],
    config: Annotated[Path, typer.Option()],
    needs: Annotated[list[Path] | None, typer.Argument()] = None,
) -> None:
    """Execute one notebook of a run; the pipeline calls this."""
    from logolib.pipeline import run_notebook

    run_notebook(source, target, stage, config, needs or ())


@app.command(hidden=True)
@_one_sentence()
def job(config: Path, stage: str) -> None:
    """Bring one stage of a run up to date; a scheduler's script calls this."""
    from logolib.pipeline import run_job

    run_job(config, stage)


@app.command(hidden=True)
@_one_sentence()
def book(config: Path, pdf: bool = False) -> None:
    """Build a run's book, with --pdf as one PDF too; the pipeline calls this."""
    from logolib.pipeline import build_book

    typer.echo(f"wrote {build_book(config, pdf=pdf)}")


def _settings(profile: ProfileName, changes: list[str] | None, recipe: str | None = None) -> Profile:
    from logolib.config import load_profile

    if recipe is None:
        return load_profile(profile.value, changes or ())
    from torch import cuda

    gpu = cuda.is_available()
    if not gpu:
        typer.echo(f"No GPU is here: {recipe} runs with its shorter settings for a CPU.")
    return load_profile(profile.value, changes or (), recipe=recipe, gpu=gpu)


def _logos(source: str | None) -> str | None:
    """A run's source; a folder at a URL is copied here, a web address stays a site to be read."""
    from logolib.storage import is_url

    if source is None or not is_url(source) or source.startswith(("http://", "https://")):
        return source
    return str(_here(source, Path("runs/inputs")))


def _send_results(run: Path, made: Path, url: str) -> None:
    """Copy a run's results and, where it has one, its book."""
    from logolib.storage import send, shown

    place = f"{url.rstrip('/')}/{run.name}"
    sent = send(run, f"{place}/run", leave=("log/*", "log/slurm/*", "*.partial", "latest.pt"))
    if made.name == "index.html":
        sent += send(made.parent, f"{place}/html")
    typer.echo(f"sent {sent} files to {shown(place)}")


def _here(place: str, inputs: Path) -> Path:
    """A path as it is; what a URL names, copied into a folder of `inputs`."""
    from logolib.storage import is_url, local, shown

    found = local(place, inputs)
    if is_url(place):
        typer.echo(f"copied {shown(place)} to {found}", err=True)
    return found


def _report(result: StageResult, out: Path, as_json: bool) -> None:
    """Print what a stage found, wrote and left out."""
    from logolib.report.sentences import said

    if sentence := said(result):
        typer.echo(sentence)
    for file in {**result.files, "result": "result.json"}.values():
        typer.echo(f"wrote {out / file}")
    if result.skipped:
        typer.echo(f"skipped {len(result.skipped)}; the reasons stand in {out / 'result.json'}")
    if as_json:
        fields = {"stage": result.stage, "values": result.values, "skipped": len(result.skipped)}
        typer.echo(json.dumps({**fields, "files": {k: str(out / v) for k, v in result.files.items()}}))


def main() -> None:
    """Entry point of the `logolib` command."""
    app(prog_name="logolib")


if __name__ == "__main__":
    main()
