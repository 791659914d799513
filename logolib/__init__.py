"""logolib: from a few hundred captioned logos to a fine-tuned text-to-image model and a report."""

__version__ = "0.1.0"
