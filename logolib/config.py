"""Frozen, typed settings, one class a stage, and the profiles that fill them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from importlib import resources
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

PROFILES = ("smoke", "demo", "base", "gpu")
RECIPES = ("clip_2022",)


class LogolibError(Exception):
    """A failure that the user can mend; its text is one sentence with the remedy."""


class ConfigError(LogolibError):
    """A setting that is unknown, of the wrong type or out of range."""


class Settings(BaseModel):
    """Base of all settings: immutable, and no name is accepted that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        """No file, address or text that is meant has a null character or half a character in it."""
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and ("\0" in text or not text.isascii() and _half(text)):
                raise ValueError("a text has no null characters and no halves of characters")
        return value


def _half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


# Bounds from above are where a slip of the finger begins: nothing that was ever asked for comes near them.
Size = Annotated[int, Field(ge=16, le=4096)]  # side of a picture, pixels
Steps = Annotated[int, Field(ge=1, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1)]
Width = Annotated[int, Field(ge=8, le=65_536)]  # of a layer
Few = Annotated[int, Field(ge=1, le=256)]  # layers, heads, blocks of a network


class CollectSettings(Settings):
    """Where the captioned logos come from and how politely they are fetched."""

    source: str = "demo"  # demo | http(s) address | folder
    site: str = "auto"  # a shipped site description's name or one's own YAML file; auto: the one that finds cards
    pages: tuple[str, ...] = ()  # read these pages of the source only; none: discover them
    crests: int = Field(500, ge=8, le=1_000_000)  # how many the demo site shows
    contact: str = "none given"  # stands in the user agent, so that a site's owner can write to someone
    delay_s: float = Field(0.0, ge=0, le=3600)  # pause between two requests to one host
    timeout_s: float = Field(20.0, gt=0, le=3600)
    connections: int = Field(2, ge=1, le=64)  # 2: what browsers of old allowed themselves a host


class DatasetSettings(Settings):
    """How a manifest becomes shards."""

    val_fraction: float = Field(0.2, gt=0, lt=1)
    size: Size = 256  # longest side of the stored PNG, pixels
    shard_size: int = Field(256, ge=1, le=1_000_000)  # samples a shard
    augment: int = Field(0, ge=0, le=50)  # further versions of each training logo, whose captions stay true
    workers: int = Field(0, ge=0, le=1024)  # processes; 0: one a core, once there is enough to do
    # Training logos at most, of an order that does not depend on it: a smaller data set is part of a larger one.
    limit: int | None = Field(None, ge=2, le=1_000_000_000)


class Shares(NamedTuple):
    """Which drawings come up how often, each 0..1: what `TrainSettings` calls the same."""

    figures: float = 0.0
    brief: float = 0.0
    divided: float = 0.0
    alike: float = 0.0
    light: float = 0.0


AS_THEY_COME = Shares()


class TrainSettings(Settings):
    """What every training loop takes."""

    start: str | None = None  # weights to fine-tune: a run's folder, or `default` for the base that ships
    steps: Steps = 100
    batch_size: int = Field(32, ge=2, le=1_000_000)
    lr: float = Field(1e-3, gt=0, le=10)
    wd: float = Field(0.01, ge=0, le=10)
    warmup: int = Field(10, ge=0, le=10**9)  # steps of linear warm-up; a cosine decay to zero follows
    clip_norm: float | None = Field(1.0, gt=0, le=1e6)  # None: gradients are not clipped
    beta2: float = Field(0.98, gt=0, lt=1)  # AdamW's second moment; 0.98: what the CLIP paper gives its ViTs
    ema: float = Field(0.0, ge=0, lt=1)  # 0 switches the average off
    drawn: int = Field(0, ge=0, le=100_000_000)  # drawn emblems that stand beside the collected logos in training
    siblings: int = Field(0, ge=0, le=100)  # near misses of each drawn emblem, one thing changed; they share its batch
    figures: float = Field(0.0, ge=0, le=1)  # share of the drawn emblems that show a large figure and no letters
    brief: float = Field(0.0, ge=0, le=1)  # share of their captions that leave out what goes without saying
    divided: float = Field(0.0, ge=0, le=1)  # share whose ground is never plain: each of a dozen divisions is rare
    alike: float = Field(0.0, ge=0, le=1)  # share whose figure is a round one, which small pictures confuse
    light: float = Field(0.0, ge=0, le=1)  # share of the others than `divided` on a plain ground, light but not white
    repeat: int = Field(4, ge=1, le=100_000)  # how often a collected logo comes up for each time a drawn emblem does
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where the device multiplies it natively
    log_every: Steps = 10
    save_every: Steps = 100  # steps between resumable checkpoints

    @property
    def shares(self) -> Shares:
        """The shares of drawings in one."""
        return Shares(self.figures, self.brief, self.divided, self.alike, self.light)


class ClipSettings(TrainSettings):
    """A contrastive model and how it is trained; names that open_clip's trainer has mean what they mean there."""

    model: str = "crest"  # an open_clip zoo name, a JSON file, or `crest`, the small one that ships
    pretrained: str | None = None  # an open_clip tag or a checkpoint's path
    # Data of one's own instead of the data set's shards: tables of (picture, caption).
    train_data: str | None = None
    val_data: str | None = None  # None: a fifth of train_data, equal captions on one side
    csv_img_key: str = "filepath"
    csv_caption_key: str = "title"
    # None: a tab where the header has one, else a comma
    csv_separator: str | None = Field(None, min_length=1, max_length=1)
    workers: int = Field(2, ge=1, le=1024)  # threads that decode a table's pictures
    # Length and records.
    epochs: int | None = Field(None, ge=1, le=1_000_000)  # instead of steps: full batches of the pairs, times this
    save_frequency: int = Field(0, ge=0, le=10**9)  # epochs between open_clip's epoch_K.pt in checkpoints/; 0: none
    resume: str | None = None  # latest | an open_clip trainer's epoch_K.pt, continued with its optimizer
    report_to: Literal["", "tensorboard"] = ""
    # What few pairs ask for. Parts that protect given weights do nothing where training starts from none.
    layer_decay: float = Field(0.8, gt=0, le=1)  # rate of a layer over the next one's; 1: one rate for all
    freeze_bn: bool = True  # a batch of logos would spoil the statistics of the given weights
    lock_image: bool = False
    lock_image_unlocked_groups: int = Field(0, ge=0, le=10_000)  # last layers that still learn
    lock_text: bool = False
    lock_text_unlocked_layers: int = Field(0, ge=0, le=10_000)
    unique_captions: bool = True  # no caption twice in a batch: its twin would count as wrong
    multi_positive: bool = False  # or let both be right
    tune_fraction: float = Field(0.1, ge=0, lt=0.5)  # training clubs that choose when to stop and what to interpolate
    patience: int = Field(6, ge=0, le=10_000)  # of twelve measurements, without a better one until it stops; 0: never
    wise_ft: Literal["auto", "off"] | float = "auto"  # share of the trained weights, the rest being the given ones
    crop_scale: float = Field(1.0, gt=0, le=1)  # smallest area that a random crop keeps; 1: none, logos stay whole
    attribute_steps: int = Field(0, ge=0, le=10**9)  # afterwards: the text tower learns what drawn emblems show
    # Large batches in little memory.
    accum_freq: int = Field(
        1, ge=1, le=1_000_000
    )  # parts of a batch that go through one after the other; the loss sees all
    grad_checkpointing: bool = False  # transformers' layers are computed again on the way back

    @field_validator("wise_ft", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        """YAML reads `off` as false."""
        return "off" if value is False else value

    @field_validator("wise_ft")
    @classmethod
    def _share(cls, value: Any) -> Any:
        if isinstance(value, float) and not 0 <= value <= 1:
            raise ValueError("a share lies in 0..1")
        return value


class DiffusionSettings(TrainSettings):
    """What training a prior or a decoder has beside."""

    optimizer: Literal["adamw", "muon"] = "adamw"  # muon: dearer steps, of equal strength in all directions
    rollback: bool = True  # a loss that explodes: back to the last checkpoint once, at a third of the rate
    accum_freq: int = Field(1, ge=1)  # parts of a batch, one after the other or one a process
    trainable: str = "all"  # all | lora | a regular expression of the names of the weights that move
    lora_rank: int = Field(8, ge=1, le=4096)


class PriorSettings(DiffusionSettings):
    """dalle2-pytorch's DiffusionPrior."""

    depth: Few = 4
    heads: Few = 4
    dim_head: Width = 32
    timesteps: int = Field(100, ge=2, le=100_000)
    text_dropout: float = Field(0.1, ge=0, le=1)
    normformer: bool = True  # one more normalisation in each layer


class DecoderSettings(DiffusionSettings):
    """dalle2-pytorch's Decoder with one Unet."""

    image_size: Size = 64
    fold: int = Field(2, ge=1, le=64)  # pixels folded into channels: fold x fold x 3; dearer pixels, cheaper layers
    dim: Width = 48
    dim_mults: tuple[Few, ...] = Field((1, 2, 4), min_length=1)
    num_resnet_blocks: tuple[Few, ...] | Few = 1
    attention: tuple[bool, ...] = (False, False, True)
    memory_efficient: bool = True  # downsample first: each stage works at half the side
    attn_heads: Few = 4
    attn_dim_head: Width = 32
    cond_dim: Width = 96
    timesteps: int = Field(1000, ge=2, le=100_000)
    objective: Literal["noise", "x0", "v"] = "x0"  # x0: flat colours come out clean long before v does
    min_snr_gamma: float | None = Field(
        None, gt=0, le=1e6
    )  # weighs the loss by the clipped signal-to-noise ratio; 5 is usual
    snr_floor: float = Field(
        0.0, ge=0, le=1e6
    )  # the least of that ratio; 1 keeps the noisiest times, where words matter most
    p2_gamma: float = Field(0.0, ge=0, le=100)  # weighs the loss by what is perceived; 1 is usual
    weighting_scheme: Literal["none", "logit_normal"] = "none"  # which noise levels are drawn in training
    logit_mean: float = Field(0.0, ge=-10, le=10)  # of logit_normal; above 0 the noisier half comes up more often
    logit_std: float = Field(1.0, gt=0, le=10)
    learned_variance: bool = False  # upstream's default, True, is where users meet NaN
    self_conditioning: bool = False  # the network sees its last guess of the picture
    beta_schedule: Literal["cosine", "linear", "quadratic", "sigmoid", "jsd"] = "cosine"
    image_dropout: float = Field(0.1, ge=0, le=1)
    prior_share: float = Field(0.5, ge=0, le=1)  # how often the embedding is the prior's guess, as in generation
    text_encodings: bool = True  # the text's tokens condition the innermost layers, beside the image's embedding
    text_dropout: float = Field(0.1, ge=0, le=1)
    bridge: bool = False  # `start` was taught with another CLIP: its first layers learn to read this one
    preflight: int | None = Field(
        None, ge=0, le=1_000_000
    )  # steps on eight pictures first; None: 100 before 1000 steps or more
    torch_compile: bool = False  # quicker steps after minutes of compiling; on a CPU it needs a C++ compiler
    preview_every: Steps = 200
    previews: int = Field(8, ge=1, le=1000)


class UpsamplerSettings(TrainSettings):
    """A Unet of dalle2-pytorch that makes a small picture a large one."""

    image_size: Size = 256
    factor: int = Field(4, ge=2, le=64)  # how many times the side grows
    crop: Size = 128  # side of the pieces it learns from, pixels
    fold: int = Field(4, ge=1, le=64)
    dim: Width = 32
    dim_mults: tuple[Few, ...] = Field((1, 2), min_length=1)
    num_resnet_blocks: Few = 1
    timesteps: int = Field(1000, ge=2, le=100_000)
    previews: int = Field(6, ge=1, le=1000)
    steps_shown: int = Field(4, ge=1, le=100_000)  # network evaluations a preview


class CaptionerSettings(TrainSettings):
    """The small captioner: a ViT that looks and a GPT-2 that writes."""

    image_size: int = Field(64, ge=16)
    patch: int = Field(8, ge=2)
    dim: int = Field(152, ge=16)
    layers: int = Field(5, ge=1)  # of the ViT
    decoder_layers: int = Field(2, ge=1)
    heads: int = Field(4, ge=1)
    vocabulary: int = Field(640, ge=300)  # tokens; 256 of them are the bytes
    precision: Literal["auto", "fp32", "bf16"] = "fp32"  # on a CPU bf16 takes ten times as long in matrices so small

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.dim % self.heads or self.image_size % self.patch:
            raise ValueError("dim divides by heads, and image_size by patch")
        return self


class CaptionSettings(Settings):
    """How captions are written for logos that have none, and which of them the gate keeps."""

    model: str = "default"  # the captioner that ships, a folder, or a name on Hugging Face
    limit: int = Field(0, ge=0)  # logos of a seeded list that are captioned; 0: all
    batch_size: int = Field(16, ge=1)
    beams: int = Field(3, ge=1)
    samples: int = Field(3, ge=0)  # further candidates a logo, drawn at random
    temperature: float = Field(0.7, gt=0)
    length: int = Field(64, ge=4)  # tokens of a caption at most
    clip: str = "default"  # whose margin the gate takes: the base that ships, a run's folder, or MODEL:TAG of open_clip
    pairs: str | None = None  # captioned logos that calibrate the gate, a folder that `collect` wrote; None: its own
    fewest: int = Field(100, ge=8)  # captioned logos that can calibrate a gate; with fewer the shipped one judges
    most: int = Field(400, ge=8)  # captioned logos of a seeded list that set and measure the gate: more move it little
    pass_rate: float = Field(0.05, gt=0, lt=0.5)  # share of shuffled captions that the gate may let through
    ocr: bool = True  # read lettering with Tesseract where it is installed


class GenerateSettings(Settings):
    """How pictures are drawn from prompts."""

    n: int = Field(4, ge=1, le=100_000)
    size: int = Field(256, ge=16, le=4096, multiple_of=8)  # 8: whole cells at each stage of the networks
    steps: int = Field(25, ge=2, le=100_000)  # network evaluations a picture
    sampler: Literal["ddpm", "ddim", "dpm++", "heun"] = "dpm++"  # nearer than ddim to the true path, as dear
    prior_steps: int = Field(16, ge=2, le=100_000)
    prior_candidates: int = Field(
        1, ge=1, le=1000
    )  # guesses of the prior, of which the one nearest to its text is drawn
    upsampler_steps: int = Field(4, ge=1, le=100_000)
    guidance_scale: float = Field(3.0, ge=0, le=1000)
    guidance_interval: tuple[Share, Share] = (0.0, 1.0)  # part of the schedule with guidance; 1 is the noisiest
    dynamic_threshold: float | None = Field(None, gt=0.5, le=1)  # quantile of a picture's values that becomes 1
    candidates: int = Field(1, ge=1, le=1000)  # pictures drawn for each one kept, the one that the CLIP finds fittest
    palette: tuple[Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")], ...] = ()  # e.g. #aa0000; none: as drawn
    precision: Literal["fp32", "bf16", "auto"] = "fp32"  # fp32: a seed's picture is the same at any batch size
    prompts: int = Field(16, ge=1, le=1_000_000)  # held-out captions that the pipeline draws
    batch_size: int = Field(32, ge=1, le=100_000)


class VectorSettings(Settings):
    """How a drawn picture becomes flat areas, paths and a brand sheet."""

    colours: int = Field(6, ge=1, le=8)  # of the logo, its ground not counted; more than 8 is no palette
    tolerance: float = Field(14.0, gt=0, le=400)  # CIE76 distance within which a pixel belongs to the ground
    nearest: float = Field(18.0, gt=0, le=400)  # two colours of the palette are at least this far apart (CIE76)
    speck: float = Field(0.0004, ge=0, lt=1)  # areas smaller than this share of the picture go
    detail: int = Field(512, ge=64, le=2048)  # longest side of the flat areas, pixels
    smooth: float = Field(0.9, ge=0, le=100)  # blur of the edges, pixels of the picture as it came
    paths: int = Field(60, ge=1, le=100_000)  # a person can still edit as many by hand


class BaselineSettings(Settings):
    """Which models of others are compared, and on what; weights are looked for, never downloaded."""

    models: tuple[str, ...] = ("ours", "stable-diffusion", "kandinsky", "dalle2-laion", "dalle-mini")
    ours: str = "default"  # a run's folder, or the base that ships
    stable_diffusion: str = "CompVis/stable-diffusion-v1-4"  # a folder, or a name in Hugging Face's cache
    kandinsky: str = "kandinsky-community/kandinsky-2-2-decoder"
    kandinsky_prior: str = "kandinsky-community/kandinsky-2-2-prior"
    dalle2_laion: str = "dalle2-laion/load.json"  # its ModelLoadConfig; files are beside it
    # 2022 | clubs | a text file, one prompt a line | held-out: those that `evaluate` asks for
    prompts: str = "2022"
    n: int = Field(4, ge=1, le=1_000_000)  # prompts; `evaluate` compares models that drew all of its own
    size: int = Field(256, ge=16, le=4096, multiple_of=8)
    steps: int = Field(16, ge=2, le=100_000)  # network evaluations a picture


class EvaluateSettings(Settings):
    """How pictures are judged."""

    prompts: int = Field(100, ge=2, le=1_000_000)  # drawn prompts with exact descriptions
    per_prompt: int = Field(1, ge=1, le=1000)
    steps: int = Field(25, ge=2, le=100_000)  # network evaluations a picture
    bootstrap: int = Field(2000, ge=100, le=1_000_000)
    # further arms on the same prompts: runs' folders, `default`, or folders of pictures for all of them
    against: tuple[str, ...] = ()
    judge: str = "shipped"  # shipped | the folder of a CLIP | an open_clip MODEL/TAG, downloaded
    size: int = Field(
        64, ge=16, le=4096, multiple_of=8
    )  # of every arm's pictures; 64: what base and marker are taught at
    lettering: int = Field(16, ge=0, le=1_000_000)  # prompts with words in quotes whose pictures are read; 0: none


class StudySettings(Settings):
    """How people are asked, and how their votes are read."""

    kind: Literal["pairs", "rows"] = "pairs"  # two arms side by side, or all of up to five in a row
    title: str = Field("Which picture fits?", min_length=1, max_length=80)
    question: str = Field("Which picture fits the description better?", min_length=1, max_length=160)
    size: int = Field(512, ge=32, le=1024)  # largest side that is shown, pixels
    per_rater: int = Field(0, ge=0, le=100_000)  # questions a rater, repeats and checks aside; 0: every question
    repeats: float = Field(0.1, ge=0, le=0.5)  # share of the questions that come twice, sides exchanged
    checks: int = Field(4, ge=0, le=40)  # questions with a plain answer, for every rater
    misses: int = Field(1, ge=0, le=40)  # checks that a rater may miss: one slip is no carelessness
    raters: int = Field(3, ge=1, le=100_000)  # how many are expected to answer each question
    effect: float = Field(0.65, gt=0.5, lt=1)  # share of prompts won that the study shall be able to show
    alpha: float = Field(0.05, gt=0, lt=0.5)
    power: float = Field(0.8, gt=0.5, lt=1)
    bootstrap: int = Field(2000, ge=100, le=1_000_000)
    scripted: int = Field(5, ge=1, le=10_000)  # programs that stand in for raters in the book, which says so
    slips: float = Field(0.1, ge=0, le=0.5)  # share of their answers drawn by lot, so that they differ as people do


class Resources(Settings):
    """What one stage asks of a scheduler; on one machine a stage takes what is there."""

    cpus: int = Field(2, ge=1)
    mem_gb: float = Field(6.0, gt=0)  # 6: what the demo's largest process stays below
    minutes: int = Field(60, ge=1)  # a job is ended after them; submitted again, its stage resumes
    gpus: int = Field(0, ge=0)  # on one node


class StageResources(Settings):
    """The table of what stages ask for; the profile `gpu` has another."""

    collect: Resources = Resources()
    dataset: Resources = Resources()
    caption: Resources = Resources(cpus=1, minutes=15)
    clip: Resources = Resources()
    prior: Resources = Resources()
    decoder: Resources = Resources(minutes=240)
    generate: Resources = Resources()
    baselines: Resources = Resources()
    evaluate: Resources = Resources(minutes=120)
    study: Resources = Resources()
    book: Resources = Resources(cpus=1, minutes=15)

    @model_validator(mode="before")
    @classmethod
    def _whole_rows(cls, rows: Any) -> Any:
        """A row that names some of its columns keeps the others."""
        if not isinstance(rows, dict):
            return rows
        known = {stage: field.default.model_dump() for stage, field in cls.model_fields.items()}
        return {k: {**known.get(k, {}), **row} if isinstance(row, dict) else row for k, row in rows.items()}


class Profile(Settings):
    """All settings of one run."""

    profile: str = "smoke"
    seed: int = Field(0, ge=0, lt=2**63)
    collect: CollectSettings = CollectSettings()
    dataset: DatasetSettings = DatasetSettings()
    caption: CaptionSettings = CaptionSettings()
    captioner: CaptionerSettings = CaptionerSettings()
    clip: ClipSettings = ClipSettings()
    prior: PriorSettings = PriorSettings()
    decoder: DecoderSettings = DecoderSettings()
    upsampler: UpsamplerSettings = UpsamplerSettings()
    generate: GenerateSettings = GenerateSettings()
    vector: VectorSettings = VectorSettings()
    baselines: BaselineSettings = BaselineSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    study: StudySettings = StudySettings()
    resources: StageResources = StageResources()


def load_profile(
    name: str, changes: str | Iterable[str] = (), *, recipe: str | None = None, gpu: bool = False
) -> Profile:
    """Read a shipped profile and apply `stage.setting=value` changes.

    `changes` is an iterable of such words or one string of them, separated and quoted as in a shell. A recipe
    replaces the profile's settings of the stages that it names; without a `gpu` its section `cpu` counts too.
    Raises ConfigError for an unknown profile, recipe or setting, or a value out of range.
    """
    if name not in PROFILES:
        raise ConfigError(f"There is no profile {name!r}; choose one of {', '.join(PROFILES)}.")
    values = {**_shipped("profiles", name), "profile": name}
    if recipe is not None:
        if recipe not in RECIPES:
            raise ConfigError(f"There is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}.")
        asked = _shipped("recipes", recipe)
        slower = asked.pop("cpu", {})
        values |= {stage: {**part, **({} if gpu else slower.get(stage, {}))} for stage, part in asked.items()}
    return profile_from_dict(values, changes)


def read_yaml(text: str) -> Any:
    """A value of YAML, built of plain things alone. Raises YAMLError, also for nesting without end."""
    try:
        return yaml.safe_load(text)
    except (RecursionError, ValueError, OverflowError) as error:  # a date or a number that Python does not have
        raise yaml.YAMLError(str(error) or "it is nested too deeply") from None


def _shipped(folder: str, name: str) -> dict[str, Any]:
    text = resources.files("logolib").joinpath(folder, f"{name}.yaml").read_text("utf8")
    return read_settings(text, name)


def read_settings(text: str, name: str) -> dict[str, Any]:
    """A profile's or recipe's YAML as nested dicts, not yet validated. Raises ConfigError, calling it `name`."""
    try:
        values = read_yaml(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"The settings {name} are no YAML ({' '.join(str(error).split())[:200]}); mend it.") from None
    if not isinstance(values, dict) or not all(isinstance(stage, str) for stage in values):
        raise ConfigError(
            f"The settings {name} are no groups of settings by name; write them as STAGE: {{SETTING: VALUE}}."
        )
    return values


def profile_from_dict(values: dict[str, Any], changes: str | Iterable[str] = ()) -> Profile:
    """Validate a nested dict of settings after applying changes (see `load_profile`)."""
    tree: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in values.items()}
    try:
        words = shlex.split(changes) if isinstance(changes, str) else changes
    except ValueError:
        raise ConfigError(f"A quotation mark in {_shown(changes)} is not closed.") from None
    for change in words:
        match = re.fullmatch(r"([\w.]+)=(.*)", change, flags=re.S)
        if match is None:
            raise ConfigError(
                f"{_shown(change)} is not a setting; write it as stage.setting=value, e.g. clip.steps=200."
            )
        *path, last = match[1].split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ConfigError(f"{_shown(part)} in {_shown(change)} is no group of settings.")
        try:
            node[last] = read_yaml(match[2])
        except yaml.YAMLError:
            raise ConfigError(f"The value in {_shown(change)} is not valid YAML; quote it.") from None
    try:
        return Profile.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None


def _shown(value: Any) -> str:
    """A value in a sentence, on one line and not without end."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list in itself
        text = f"this {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def _sentence(error: ValidationError) -> str:
    """One sentence on the first thing that is wrong, naming the nearest known setting."""
    import difflib

    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"The setting {name} cannot be {_shown(first['input'])}: {first['msg']}."
    group: Any = Profile
    for part in first["loc"][:-1]:
        group = group.model_fields[part].annotation
    near = difflib.get_close_matches(str(first["loc"][-1]), group.model_fields, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known ones are {', '.join(group.model_fields)}."
    return f"No stage knows the setting {name!r}; {hint}"
