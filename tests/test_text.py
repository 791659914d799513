"""What a user may rely on: a compact vocabulary speaks open_clip's language."""

from __future__ import annotations

import open_clip
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from logolib.text import PAD, UNKNOWN, Vocabulary

CAPTIONS = ['A red lion on a gold shield, wordmark "LYON".', "Blue and white stripes."]


def test_the_end_token_has_the_highest_id() -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    tokens = vocabulary.encode(CAPTIONS)
    assert tokens.shape == (2, 64)
    assert (tokens.max(-1).values == vocabulary.end).all()
    assert UNKNOWN not in tokens


def test_words_never_seen_are_named() -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    assert vocabulary.unknown_words("A purple lion and a gold zebra") == ["purple", "zebra"]
    assert Vocabulary.full().unknown_words("zebra") == []


def test_the_full_vocabulary_is_open_clip_s_own() -> None:
    ours, theirs = Vocabulary.full(77).encode(CAPTIONS), open_clip.get_tokenizer("RN50")(CAPTIONS)
    assert torch.equal(ours, theirs)


def test_expanding_the_embedding_gives_the_same_rows() -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    rows = torch.randn(vocabulary.size, 4)
    theirs = Vocabulary.full(64).encode(CAPTIONS)
    assert torch.equal(vocabulary.expand(rows)[theirs], rows[vocabulary.encode(CAPTIONS)])


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_a_row_of_known_ids(text: str) -> None:
    vocabulary = Vocabulary.of(CAPTIONS)
    row = vocabulary.encode([text])[0]
    assert row.shape == (64,)
    assert int(row.min()) >= PAD
    assert int(row.max()) == vocabulary.end


def test_a_grown_vocabulary_keeps_what_known_words_mean() -> None:
    small = Vocabulary.of(["a red lion"])
    large = small.grown(["a green dragon rampant"])
    assert not large.unknown_words("a green dragon")
    rows = torch.randn(small.size, 4)
    moved = small.moved(rows, large)
    assert moved.shape == (large.size, 4)
    known = "a red lion"
    torch.testing.assert_close(moved[large.encode([known])], rows[small.encode([known])])
    assert large.grown(["a red dragon"]).bpe_ids == large.bpe_ids
