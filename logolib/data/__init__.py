"""Manifest to shards to batches."""

from logolib.data.batches import Pairs, batches, data_hash_of, load_pairs
from logolib.data.clean import DataError, clean_caption, read_manifest, split_clubs, tidy
from logolib.data.shards import build_dataset

__all__ = [
    "DataError",
    "Pairs",
    "batches",
    "build_dataset",
    "clean_caption",
    "data_hash_of",
    "load_pairs",
    "read_manifest",
    "split_clubs",
    "tidy",
]
