"""Manifest to shards to batches."""

from logolib.data.augment import Augmented, augment
from logolib.data.batches import Pairs, batches, data_hash_of, load_pairs
from logolib.data.build import build_dataset
from logolib.data.clean import DataError, clean_caption, sift_caption, split_clubs, tidy
from logolib.data.curate import Curated, curate
from logolib.data.duplicates import near_pairs, signature
from logolib.data.held_out import HeldOut, held_out_prompts, prompt_seeds
from logolib.data.manifest import manifest_table, read_manifest

__all__ = [
    "Augmented",
    "Curated",
    "DataError",
    "HeldOut",
    "Pairs",
    "augment",
    "batches",
    "build_dataset",
    "clean_caption",
    "curate",
    "data_hash_of",
    "held_out_prompts",
    "load_pairs",
    "manifest_table",
    "near_pairs",
    "prompt_seeds",
    "read_manifest",
    "sift_caption",
    "signature",
    "split_clubs",
    "tidy",
]
