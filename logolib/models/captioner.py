"""Captioners: Hugging Face's picture-to-text models behind one small interface, and the small one that ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from logolib.config import CaptionerSettings
from logolib.images import to_float
from logolib.models.lineage import Lineage, part_lineage
from logolib.models.weights import BASE, ModelError

SHIPPED = BASE.parent / "captioner"
PAD, START, END = "<pad>", "<s>", "</s>"
LONGEST = 64  # tokens of a caption; the median of real ones has about 40
TOP = 40  # a sampled token is one of so many, the likeliest (Fan et al. 2018)


class Captioner:
    """A picture-to-text model with what prepares its pictures and reads its tokens.

    `model` is any of Hugging Face's that generates from `pixel_values` alone; `processor` makes those of uint8
    pictures; `tokenizer` decodes.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, processor: Any) -> None:
        self.name, self.model, self.tokenizer, self.processor = name, model.eval(), tokenizer, processor

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def prepare(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """uint8 (H, W, 3) pictures of any sizes => the model's pixel values (B, 3, h, w)."""
        made: Tensor = self.processor(
            images=[one.copy() for one in pictures], input_data_format="channels_last", return_tensors="pt"
        )["pixel_values"]
        return made.to(self.device, next(self.model.parameters()).dtype)

    @torch.inference_mode()
    def write(
        self,
        pictures: Sequence[np.ndarray],
        seeds: Sequence[int],
        *,
        beams: int = 4,
        samples: int = 0,
        temperature: float = 1.0,
        length: int = LONGEST,
    ) -> list[list[str]]:
        """Captions of each picture: all of `beams`, the likeliest first, then `samples` drawn; no caption twice.

        Pictures are uint8 (H, W, 3); `length` is in tokens. Each picture draws from its own seed, so that the
        batch it is in changes nothing.
        """
        pixels = self.prepare(pictures)
        likely = self._generate(pixels, num_beams=beams, num_return_sequences=beams, max_new_tokens=length)
        found = [likely[i * beams : (i + 1) * beams] for i in range(len(pictures))]
        if samples:
            dice = _OwnDice([seed + k for seed in seeds for k in range(samples)], temperature)
            many = pixels.repeat_interleave(samples, 0)
            drawn = self._generate(many, num_beams=1, max_new_tokens=length, logits_processor=[dice])
            for i, texts in enumerate(found):
                texts += drawn[i * samples : (i + 1) * samples]
        return [list(dict.fromkeys(filter(None, texts))) for texts in found]

    def _generate(self, pixels: Tensor, **how: Any) -> list[str]:
        tokens = self.model.generate(pixel_values=pixels, do_sample=False, **how)
        return [" ".join(text.split()) for text in self.tokenizer.batch_decode(tokens, skip_special_tokens=True)]


class _OwnDice:
    """Draws each row's next token from its own generator: the largest of logits plus Gumbel noise (Gumbel 1954)."""

    def __init__(self, seeds: Sequence[int], temperature: float) -> None:
        self._dice = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]
        self._temperature = temperature

    def __call__(self, _tokens: Tensor, scores: Tensor) -> Tensor:
        """Scores (B, V) => scores whose largest is the token that was drawn."""
        uniform = torch.stack([torch.rand(scores.shape[-1], generator=dice) for dice in self._dice])
        noise = -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))
        least = scores.topk(min(TOP, scores.shape[-1])).values[..., -1:]
        return (scores.float() / self._temperature + noise.to(scores.device)).masked_fill(scores < least, -torch.inf)


def load_captioner(name: str, device: torch.device | str = "cpu") -> Captioner:
    """`default`, the small captioner that ships; a folder; or a name on Hugging Face, from its cache or fetched.

    A VisionEncoderDecoderModel or any newer class that `AutoModelForImageTextToText` knows and that captions a
    picture without a prompt. No code of the model's own is executed. Raises ModelError when there is none, when it
    is damaged and when it is of another kind.
    """
    _be_quiet()
    folder = _folder(name)
    if folder is not None:
        if not (folder / "config.json").is_file():
            raise ModelError(f"There is no captioner in {folder}; `logolib train captioner` makes one.")
        return _load(name, str(folder), device, local=True)
    try:
        return _load(name, name, device, local=True)
    except ModelError:
        return _load(name, name, device, local=False)


def captioner_lineage(name: str) -> Lineage:
    """What a captioner depends on: as its folder records it; one of Hugging Face's names stands for what taught it."""
    folder = _folder(name)
    if folder is None:
        return Lineage(frozenset({f"what {name} was trained on"}), frozenset({name}))
    return part_lineage(folder)


def _folder(name: str) -> Path | None:
    """The folder that a name means; None: it is one of Hugging Face's."""
    if name == "default":
        return SHIPPED
    folder = Path(name)
    return folder if folder.is_dir() or folder.is_absolute() or name.startswith(".") else None


def _load(name: str, where: str, device: torch.device | str, *, local: bool) -> Captioner:
    import transformers

    try:
        kind = transformers.AutoConfig.from_pretrained(where, local_files_only=local)
        classes = (
            transformers.VisionEncoderDecoderModel
            if kind.model_type == "vision-encoder-decoder"
            else transformers.AutoModelForImageTextToText
        )
        model: Any = classes.from_pretrained(where, local_files_only=local, dtype=torch.float32)
        if kind.model_type == "vision-encoder-decoder":
            model.encoder.pooler = None  # no decoder reads it, and files need not hold it
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, local_files_only=local)
        processor = transformers.AutoImageProcessor.from_pretrained(where, local_files_only=local, use_fast=True)
        captioner = Captioner(name, model.to(device), tokenizer, processor)
        captioner.write([np.zeros((32, 32, 3), np.uint8)], [0], beams=1, length=1)  # models that want a prompt fail
    except Exception as error:  # its own OSError, ValueError, KeyError; safetensors' and huggingface_hub's errors
        reason = " ".join(str(error).split())[:160].rstrip(". ") or type(error).__name__
        raise ModelError(
            f"The captioner {name} cannot be had ({reason}); name a folder of Hugging Face's, or `default`."
        ) from None
    return captioner


def _be_quiet() -> None:
    """Hugging Face's advice and progress bars are not for our users; its errors reach them as ours."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def new_captioner(settings: CaptionerSettings, captions: Sequence[str]) -> Captioner:
    """An untrained ViT with a GPT-2 behind it, and a byte-level vocabulary of these captions."""
    import transformers

    _be_quiet()
    tokenizer = new_tokenizer(captions, settings.vocabulary)
    ends: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    eyes = transformers.ViTConfig(
        image_size=settings.image_size,
        patch_size=settings.patch,
        hidden_size=settings.dim,
        intermediate_size=4 * settings.dim,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
    )
    mouth = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=LONGEST + 8,
        n_embd=settings.dim,
        n_layer=settings.decoder_layers,
        n_head=settings.heads,
        add_cross_attention=True,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        **ends,
    )
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(eyes, mouth)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 2
    encoder = transformers.ViTModel(config.encoder, add_pooling_layer=False)
    model = transformers.VisionEncoderDecoderModel(config, encoder, transformers.GPT2LMHeadModel(config.decoder))
    model.generation_config = transformers.GenerationConfig(decoder_start_token_id=1, **ends)
    processor = transformers.ViTImageProcessor(size={"height": settings.image_size, "width": settings.image_size})
    return Captioner("new", model, tokenizer, processor)


def new_tokenizer(captions: Sequence[str], size: int) -> Any:
    """Byte-level pairs of these captions (Sennrich et al. 2016), at most `size` tokens: any text can be written."""
    import tokenizers
    import transformers

    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    found.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, START, END],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator(sorted(set(captions)), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=found, pad_token=PAD, bos_token=START, eos_token=END, clean_up_tokenization_spaces=False
    )


def encode(tokenizer: Any, captions: Sequence[str], length: int = LONGEST) -> Tensor:
    """Captions => int64 (N, L) with the end token, -100 behind it, as Hugging Face's losses take them."""
    rows = [[*ids[: length - 1], tokenizer.eos_token_id] for ids in tokenizer(list(captions))["input_ids"]]
    longest = max(map(len, rows))
    return torch.tensor([row + [-100] * (longest - len(row)) for row in rows])


def pixels(captioner: Captioner, images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3), already of the model's size => pixel values in its own statistics, without its processor."""
    mean, std = (
        torch.tensor(getattr(captioner.processor, name)).view(1, 3, 1, 1) for name in ("image_mean", "image_std")
    )
    return ((to_float(images) + 1) / 2 - mean) / std


def save_captioner(captioner: Captioner, folder: Path, lineage: Lineage, *, half: bool = False) -> None:
    """Write what Hugging Face's own `from_pretrained` reads, `half` in half precision, with the lineage in its config.

    Each file is renamed into place.
    """
    import shutil

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model: nn.Module = captioner.model
    captioner.model.config.lineage = lineage.record()
    kept = {name: value.clone() for name, value in model.state_dict().items()} if half else {}
    if half:
        model.half()
    captioner.model.save_pretrained(partial)
    if half:
        model.float()
        model.load_state_dict(kept)
    captioner.tokenizer.save_pretrained(partial)
    captioner.processor.save_pretrained(partial)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(partial.iterdir()):
        file.chmod(0o644)
        file.replace(folder / file.name)
    partial.rmdir()
