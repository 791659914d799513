"""Captions to token ids: open_clip's byte-pair encoding over a compact vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import torch
from torch import Tensor

CONTEXT_LENGTH = 64  # a caption of 26 words, the median of real ones, takes about 40 tokens
BPE_SIZE = 49_408  # open_clip's SimpleTokenizer: start is 49406, end 49407, padding 0
PAD, UNKNOWN = 0, 1


@cache
def _bpe(context_length: int):  # type: ignore[no-untyped-def]  # open_clip's SimpleTokenizer has no types
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer(context_length=context_length)


class Vocabulary:
    """The part of open_clip's vocabulary that a corpus uses, renumbered without gaps.

    Row 0 is padding, row 1 stands for every token not in the corpus, the others keep open_clip's
    order, so that the end token has the highest id, as open_clip's pooling expects.
    """

    def __init__(self, bpe_ids: Sequence[int], context_length: int = CONTEXT_LENGTH) -> None:
        kept = sorted({int(i) for i in bpe_ids if 0 < i < BPE_SIZE} | {BPE_SIZE - 2, BPE_SIZE - 1})
        self.bpe_ids = tuple(kept)
        self.context_length = context_length
        self._compact = torch.full((BPE_SIZE,), UNKNOWN)
        self._compact[0] = PAD
        self._compact[torch.tensor(kept)] = torch.arange(len(kept)) + 2

    @classmethod
    def of(cls, captions: Iterable[str], context_length: int = CONTEXT_LENGTH) -> Vocabulary:
        """The vocabulary of a corpus."""
        tokenizer = _bpe(context_length)
        used: set[int] = set()
        for caption in set(captions):
            used.update(tokenizer.encode(caption))
        return cls(sorted(used), context_length)

    @classmethod
    def full(cls, context_length: int = 77) -> Vocabulary:
        """All of open_clip's vocabulary, for its zoo's models; `encode` then gives open_clip's own ids."""
        vocabulary = cls((), context_length)
        vocabulary.bpe_ids = ()
        vocabulary._compact = torch.arange(BPE_SIZE)
        return vocabulary

    def grown(self, captions: Iterable[str]) -> Vocabulary:
        """This vocabulary and that of some captions together; a full one stays as it is."""
        if not self.bpe_ids:
            return self
        return Vocabulary([*self.bpe_ids, *Vocabulary.of(captions).bpe_ids], self.context_length)

    def moved(self, rows: Tensor, to: Vocabulary) -> Tensor:
        """A token embedding (size, D) of this vocabulary => that of a grown one; new rows are the unknown row."""
        full = self.expand(rows)
        return torch.cat([rows[:2], full[torch.tensor(to.bpe_ids)]])

    @property
    def size(self) -> int:
        """Rows of the token embedding."""
        return len(self.bpe_ids) + 2 if self.bpe_ids else BPE_SIZE

    @property
    def end(self) -> int:
        """Id of the end token, the highest one."""
        return self.size - 1

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Captions => int64 (B, context_length), padded with 0; longer captions are cut, the end token kept."""
        return self._compact[_bpe(self.context_length)(list(captions))]

    def unknown_words(self, caption: str) -> list[str]:
        """The words of a caption of which some token is not in the vocabulary, in order."""
        words = dict.fromkeys(caption.split())
        tokenizer = _bpe(self.context_length)
        return [word for word in words if UNKNOWN in self._compact[tokenizer.encode(word)].tolist() and self.bpe_ids]

    def expand(self, rows: Tensor) -> Tensor:
        """A token embedding (size, D) => open_clip's full one (49408, D); unseen tokens share the unknown row."""
        return rows[self._compact]
