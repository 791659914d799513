"""Sliders for a notebook that someone has opened."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from logolib.generate.pipeline import LogoPipeline

OPENED = "JPY_SESSION_NAME"  # Jupyter Server names its sessions; papermill and nbval have none


def sliders(pipeline: LogoPipeline, prompt: str = "a red lion on a gold shield") -> Any:
    """Prompt, seed, steps and guidance as widgets above the picture; a sentence where nobody can move them."""
    if OPENED not in os.environ or importlib.util.find_spec("ipywidgets") is None:
        return "Open this notebook in JupyterLab, with ipywidgets installed, to move the sliders."
    import ipywidgets as widgets
    from IPython.display import display

    def draw(prompt: str, seed: int, steps: int, guidance: float) -> None:
        drawn = pipeline(prompt, seed=seed, num_inference_steps=steps, guidance_scale=guidance, size=256)
        display(drawn.images[0])

    return widgets.interactive(
        draw,
        {"manual": True, "manual_name": "Draw"},
        prompt=widgets.Text(prompt, description="prompt"),
        seed=widgets.IntSlider(0, 0, 99, description="seed"),
        steps=widgets.IntSlider(16, 4, 50, description="steps"),
        guidance=widgets.FloatSlider(2.0, min=0.0, max=8.0, step=0.5, description="guidance"),
    )
