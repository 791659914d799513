"""From a drawn picture to flat areas: the ground gone, few colours, smooth edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from logolib.config import VectorSettings
from logolib.generate.drawing import DrawingError

GROUND = -1  # the label of what is transparent
EDGE = 8.0  # colour difference (CIE76) to a neighbour from which a pixel counts as an edge


@dataclass(frozen=True)
class Cleaned:
    """Flat areas of few colours."""

    labels: np.ndarray  # int (H, W): index into the palette, or GROUND
    palette: tuple[str, ...]  # "#rrggbb", the largest area first
    ground: str | None  # the colour that was taken away; None where the picture has no flat ground

    @property
    def shares(self) -> list[float]:
        """How much of the logo each colour covers, 0 to 1."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.palette))
        return [float(n) / max(int(counts.sum()), 1) for n in counts]

    def rgba(self, size: int) -> np.ndarray:
        """Pixels with soft edges, uint8 (size, size, 4), whose longest side is `size`."""
        table = np.array([_rgb(colour) + (255,) for colour in self.palette] + [(0, 0, 0, 0)], float)
        full = table[self.labels]  # GROUND = -1 is the last row
        full[..., :3] *= full[..., 3:] / 255  # straight => premultiplied, so that edges mix without a fringe
        height, width = self.labels.shape
        scale = size / max(height, width)
        shape = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = np.stack(
            [
                np.asarray(Image.fromarray(c.astype(np.float32)).resize(shape, Image.Resampling.BOX))
                for c in _planes(full)
            ],
            axis=-1,
        )
        alpha = np.maximum(small[..., 3:], 1e-6) / 255
        return np.concatenate([small[..., :3] / alpha, small[..., 3:]], axis=-1).round().clip(0, 255).astype(np.uint8)


def clean(pixels: np.ndarray, settings: VectorSettings) -> Cleaned:
    """A picture, uint8 (H, W, 3 or 4), as flat areas at `settings.detail` pixels on the longest side.

    Pixels within `tolerance` of the border's colour that hang together with the border become
    transparent; the rest takes the nearest of at most `colours` colours, found by k-means in CIE L*a*b*
    over the flat pixels, and an edge pixel that of a flat area it touches. Areas are then enlarged and their
    edges smoothed.
    Raises DrawingError when nothing but ground is there.
    """
    rgb, hidden = _opaque(pixels)
    lab = _lab(rgb)
    ground_lab, away = _ground(lab, hidden, settings.tolerance)
    if away.all():
        raise DrawingError("The picture shows nothing but its ground; draw another one or lower vector.tolerance.")
    steps = np.stack([ndimage.maximum_filter(c, 3) - ndimage.minimum_filter(c, 3) for c in _planes(lab)], -1)
    flat = np.linalg.norm(steps, axis=-1) < EDGE
    sure = flat & ~away
    centres = _palette(lab[sure] if sure.sum() >= 16 else lab[~away], settings.colours, settings.nearest)
    labels = _assign(lab, centres, sure, away & ~_rim(away), ground_lab)
    labels = _without_specks(labels, settings.speck * labels.size)
    labels = _smooth(labels, len(centres), settings)
    labels = _without_specks(labels, settings.speck * labels.size)  # smoothing cuts thin necks
    order = np.argsort(-np.bincount(labels[labels >= 0], minlength=len(centres)), kind="stable")
    order = np.array([k for k in order if (labels == k).any()])
    if not len(order):
        raise DrawingError("The picture shows nothing but its ground; draw another one or lower vector.tolerance.")
    place = np.full(len(centres) + 1, GROUND)
    place[order] = np.arange(len(order))
    palette = tuple(_hex(colour) for colour in _from_lab(centres[order]))
    shown = _hex(_from_lab(ground_lab[None])[0]) if away.any() and not hidden.any() else None
    return Cleaned(place[labels], palette, shown)


def _opaque(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RGB as float (H, W, 3) over white, and what was transparent already."""
    rgb = pixels[..., :3].astype(float)
    if pixels.shape[-1] == 3:
        return rgb, np.zeros(rgb.shape[:2], bool)
    alpha = pixels[..., 3:].astype(float) / 255
    return rgb * alpha + 255 * (1 - alpha), alpha[..., 0] < 0.5


def _ground(lab: np.ndarray, hidden: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """The ground's colour, and where it is: flooded from the borders, if most of these agree."""
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    colour = np.median(border, axis=0)
    if hidden.any():
        return np.array([100.0, 0, 0]), hidden
    if np.mean(np.linalg.norm(border - colour, axis=-1) < tolerance) < 0.6:
        return colour, np.zeros(lab.shape[:2], bool)
    near = np.linalg.norm(lab - colour, axis=-1) < tolerance
    parts, _ = ndimage.label(near)
    touching = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return colour, np.isin(parts, touching[touching > 0])


def _rim(away: np.ndarray) -> np.ndarray:
    """The outermost pixel of the ground, where it mixes with the logo."""
    return away & ndimage.binary_dilation(~away)


def _palette(colours: np.ndarray, most: int, nearest: float) -> np.ndarray:
    """At most `most` colours (K, 3) for (N, 3), none nearer to another than `nearest`; the same for the same input.

    k-means from the colours that are farthest from those already taken, each seen by enough pixels.
    """
    cells = np.unique((colours / 4).round().astype(int), axis=0, return_inverse=True)[1].ravel()
    weight = np.bincount(cells).astype(float)
    seen = np.stack([np.bincount(cells, weights=plane) / weight for plane in _planes(colours)], -1)
    centres = seen[weight.argmax()][None]
    while len(centres) < most:
        away = np.linalg.norm(seen[:, None] - centres[None], axis=-1).min(1)
        best = (np.minimum(away, 60) * np.sqrt(weight) * (away > nearest)).argmax()
        if away[best] <= nearest or weight[away > nearest].sum() < 0.002 * weight.sum():
            break
        centres = np.concatenate([centres, seen[best][None]])
    for _ in range(12):
        own = np.linalg.norm(seen[:, None] - centres[None], axis=-1).argmin(1)
        centres = np.stack(
            [
                np.average(seen[own == k], axis=0, weights=weight[own == k]) if (own == k).any() else c
                for k, c in enumerate(centres)
            ]
        )
    kept: list[np.ndarray] = []
    for centre in centres:
        if all(np.linalg.norm(centre - other) > nearest for other in kept):
            kept.append(centre)
    return np.stack(kept)


def _assign(lab: np.ndarray, centres: np.ndarray, sure: np.ndarray, away: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Labels (H, W): flat pixels take the nearest colour, edge pixels the nearest of the flat areas they touch."""
    every = np.concatenate([centres, ground[None]])
    far = np.linalg.norm(lab[:, :, None] - every[None, None], axis=-1)  # (H, W, K + 1)
    best = far[..., :-1].argmin(-1)
    best[away] = len(centres)
    settled = sure | away
    touched = np.stack([ndimage.maximum_filter((best == k) & settled, 7) for k in range(len(every))], -1)
    among = np.where(touched, far, np.inf)
    edge = np.where(np.isfinite(among).any(-1), among.argmin(-1), best)
    labels = np.where(settled, best, edge)
    return np.where(labels == len(centres), GROUND, labels)


def _without_specks(labels: np.ndarray, least: float) -> np.ndarray:
    """Areas smaller than `least` pixels take the label of the nearest larger one."""
    small = np.zeros(labels.shape, bool)
    for label in np.unique(labels):
        parts, n = ndimage.label(labels == label)
        sizes = ndimage.sum_labels(np.ones(labels.shape), parts, np.arange(1, n + 1))
        small |= np.isin(parts, np.flatnonzero(sizes < least) + 1)
    if small.all() or not small.any():
        return labels
    where = ndimage.distance_transform_edt(small, return_distances=False, return_indices=True)
    return labels[tuple(where)]


def _smooth(labels: np.ndarray, colours: int, settings: VectorSettings) -> np.ndarray:
    """Labels at `detail` pixels: each area enlarged by itself and blurred, the strongest wins."""
    scale = settings.detail / max(labels.shape)
    best, taken = None, None
    for label in (*range(colours), GROUND):
        soft = ndimage.zoom((labels == label).astype(np.float32), scale, order=1, grid_mode=True, mode="nearest")
        soft = ndimage.gaussian_filter(soft, settings.smooth * scale, mode="nearest")
        if best is None or taken is None:
            best, taken = soft, np.full(soft.shape, label)
            continue
        taken = np.where(soft > best, label, taken)
        best = np.maximum(soft, best)
    assert taken is not None
    return taken


def _planes(array: np.ndarray) -> list[np.ndarray]:
    return [array[..., i] for i in range(array.shape[-1])]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(rgb: np.ndarray) -> str:
    return "#" + "".join(f"{int(v):02x}" for v in rgb)


_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.95047, 1.0, 1.08883])


def _lab(rgb: np.ndarray) -> np.ndarray:
    """SRGB 0 to 255 (..., 3) => CIE L*a*b*, D65 (CIE 15:2004)."""
    c = rgb / 255
    c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    t = c @ _TO_XYZ.T / _WHITE
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (..., 3) => sRGB 0 to 255, rounded and clipped."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    t = np.where(f**3 > 0.008856, f**3, (f - 16 / 116) / 7.787)
    c = np.clip((t * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    c = np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)
    return (c * 255).round().clip(0, 255)
