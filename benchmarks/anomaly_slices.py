"""Find lesions in slices of patients that nothing was fitted on, beside simple detectors.

Every subject is left out in turn; models are fitted on the slices without a lesion of the others.
Thresholds come from slices without a lesion of those others: the detector's own for images, and
for pixels the rate of 5 % among pixels of their inside. Results are written after each subject and
seed, so that a run that was stopped goes on where it was.

    python benchmarks/anomaly_slices.py run --data FOLDER --out runs/anomaly_slices.npz
    python benchmarks/anomaly_slices.py report --out runs/anomaly_slices.npz
    python benchmarks/anomaly_slices.py sensitivity --data FOLDER --out runs/sensitivity.csv
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import roc_auc_score

from augment import ImageVAE, ReconstructionDetector
from augment.generators._foreground import foreground, prepared_images
from augment.metrics.anomaly_images import (
    baseline_maps,
    best_dice,
    confounds,
    dice_at,
    image_scores,
    paste_lesions,
    pixel_auprc,
    top_mean,
)

SIZE = 64
N_BOOTSTRAPS = 200
DIAMETERS, CONTRASTS = (3, 5, 8, 12), (-2.0, -1.0, 1.0, 2.0, 4.0)
REACH = 0.95  # pixels of normal slices below the threshold
SHOWN = 2.0  # mean residual of a lesion from which on overlays have a colour


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Read slices and outlines, averaged to 64 pixels; leave ambiguous ones out."""
    index = pd.read_csv(folder / "index.csv")
    index = index[index["label"] != "ambiguous"].reset_index(drop=True)
    images = np.stack([reduced(folder / name) for name in index["file"]])
    masks = np.stack([reduced(folder / name, binary=True) >= 0.5 for name in index["mask"]])
    return images[:, None], masks, index


def reduced(path: Path, *, binary: bool = False) -> np.ndarray:
    """Read a picture and average blocks of pixels."""
    pixels = np.asarray(Image.open(path), dtype=np.float64)
    pixels = (pixels > 0).astype(np.float64) if binary else pixels
    k = pixels.shape[0] // SIZE
    return pixels.reshape(SIZE, k, SIZE, k).mean(axis=(1, 3))


def run(args: argparse.Namespace) -> None:
    """Score every slice by models of other subjects, for each seed."""
    images, masks, index = read(Path(args.data))
    subject = index["subject"].to_numpy(dtype=str)
    truth = (index["label"] == "lesion").to_numpy()
    scaled, inside = prepared_images(images), foreground(images)[1]
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    stores, done = kept(Path(args.out))
    maps, scores, cuts = stores["map"], stores["score"], stores["cut"]

    def keep(store: dict[str, np.ndarray], name: str, rows: np.ndarray, value: Any) -> None:
        shape = np.shape(value)[1:] if np.ndim(value) else ()
        store.setdefault(name, np.zeros((len(truth), *shape)))[rows] = value

    def write(**more: np.ndarray) -> None:
        named = {f"{kind}|{k}": v for kind, store in stores.items() for k, v in store.items()}
        np.savez_compressed(args.out, done=np.array(done), **more, **named)

    parts = ["simple", *range(args.seeds)]
    for out, part in [(out, part) for part in parts for out in np.unique(subject)]:
        if f"{out} {part}" in done:
            continue
        train, test = (subject != out) & ~truth, subject == out
        if part == "simple":
            for name, found in baseline_maps(scaled[train], scaled).items():
                keep(maps, name, test, found[test][:, 0])
                keep(cuts, name, test, np.quantile(found[train][:, 0][inside[train]], REACH))
            for name, found in image_scores(scaled[train], scaled[test], inside[test]).items():
                keep(scores, name, test, found)
        else:
            detector = ReconstructionDetector(vae(args), random_state=part)
            detector.fit(images[train], groups=subject[train])
            found = detector.explain(images[test])[:, 0]
            keep(maps, f"detector {part}", test, found)
            # of its own maps of training slices the detector knows too much: use held-out ones
            cut = held_out_cut(detector, images, inside, train, subject)
            keep(cuts, f"detector {part}", test, cut)
            keep(scores, f"detector {part}", test, -detector.score_samples(images[test]))
            keep(scores, f"detector p {part}", test, detector.p_values(images[test]))
            bright = top_mean(found[:, None], inside[test])
            keep(scores, f"detector, bright side {part}", test, bright)
        done.append(f"{out} {part}")
        write()
        print(out, part, flush=True)
    scores |= confounds(images, inside)
    scores["slice index"] = index["slice"].to_numpy(np.float64)
    skew = np.abs(scaled - scaled[..., ::-1])
    scores["asymmetry of intensity"] = top_mean(skew, inside & inside[..., ::-1])
    write(masks=masks, inside=inside, truth=truth, subject=subject)


def kept(path: Path) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
    """Read what an earlier run has written: maps, scores and cuts, and the parts that are done."""
    stores: dict[str, dict[str, np.ndarray]] = {"map": {}, "score": {}, "cut": {}}
    if not path.exists():
        return stores, []
    with np.load(path) as file:
        for name in [name for name in file.files if "|" in name]:
            kind, own = name.split("|", 1)
            stores[kind][own] = file[name]
        return stores, file["done"].tolist()


def vae(args: argparse.Namespace) -> ImageVAE:
    """Build the generator."""
    return ImageVAE(
        latent_dim=args.latent_dim, deformation_grid=0, denoising_steps=args.denoising_steps
    )


def held_out_cut(
    detector: Any, images: np.ndarray, inside: np.ndarray, train: np.ndarray, subject: np.ndarray
) -> float:
    """Give the pixel threshold from the folds that each member left out."""
    values = []
    for member, fold in zip(
        detector._cross.members, folds_of(detector, train, subject), strict=True
    ):
        maps = member.residuals(images[fold]) / detector._cross.scale
        values.append(maps[:, 0][inside[fold]])
    return float(np.quantile(np.concatenate(values), REACH))


def folds_of(detector: Any, train: np.ndarray, subject: np.ndarray) -> list[np.ndarray]:
    """Repeat how the detector dealt the subjects into folds."""
    from augment._random import spawn_seeds
    from augment.generators._conformal import deal_folds
    from augment.generators._cross_fit import N_FOLDS
    from augment.generators._tabular import MIN_ROWS

    rows = np.flatnonzero(train)
    codes = pd.factorize(subject[rows])[0].astype(np.int64)
    seed = spawn_seeds(int(detector.random_state), 2)[1]
    folds = deal_folds(len(rows), codes, N_FOLDS, MIN_ROWS, seed)
    return [rows[folds == fold] for fold in range(int(folds.max()) + 1)]


def report(args: argparse.Namespace) -> None:
    """Print figures with intervals over subjects, as Markdown."""
    with np.load(args.out) as file:
        found = {name: file[name] for name in file.files}
    truth, subject, masks, inside = (found[n] for n in ("truth", "subject", "masks", "inside"))
    print("| map | pixel AUPRC | best Dice | Dice at the fixed threshold |\n|---|---|---|---|")
    for name in [n for n in found if n.startswith("map|")]:
        maps, cut = found[name], found["cut|" + name[4:]]
        low = maps[inside].min() - 1
        maps = np.where(inside, maps, low)
        figures = [
            interval(lambda r, m=maps: pixel_auprc(m[r], masks[r]), subject, 30),
            interval(lambda r, m=maps: best_dice(m[r], masks[r]), subject, 30),
            interval(
                lambda r, m=maps, c=cut: dice_at(m[r], masks[r], c[r][:, None, None]), subject, 30
            ),
        ]
        print(f"| {name[4:]} | {' | '.join(figures)} |")
    print("\n| score | image AUROC |\n|---|---|")
    for name in [n for n in found if n.startswith("score|") and " p " not in n]:
        score = found[name]
        auroc = interval(lambda r, s=score: roc_auc_score(truth[r], s[r]), subject, N_BOOTSTRAPS)
        print(f"| {name[6:]} | {auroc} |")
    for name in [n for n in found if " p " in n]:
        p = found[name]
        rate, hits = (p[~truth] <= 0.1).mean(), (p[truth] <= 0.1).mean()
        print(f"\n{name[6:]}: nominal 0.10, false positives {rate:.3f}, found {hits:.3f}")


def interval(figure: Any, subject: np.ndarray, n: int) -> str:
    """Give a figure with its 95 % bootstrap interval over subjects."""
    names, rng, values = np.unique(subject), np.random.default_rng(0), []
    for _ in range(n):
        drawn = rng.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(subject == name) for name in drawn])
        try:
            values.append(figure(rows))
        except ValueError:  # only one kind of slice was drawn
            continue
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{figure(np.arange(len(subject))):.3f} ({low:.3f} to {high:.3f})"


def sensitivity(args: argparse.Namespace) -> None:
    """Paste lesions of many sizes and contrasts into held-out normal slices.

    Printed by diameter in pixels and contrast in interquartile ranges: the share of slices that are
    flagged, whose score fell, and in whose map the lesion has a colour; and the mean residual.
    """
    images, _, index = read(Path(args.data))
    subject, normal = index["subject"].to_numpy(), (index["label"] != "lesion").to_numpy()
    rows = []
    for out in np.unique(subject):
        train, test = (subject != out) & normal, (subject == out) & normal
        detector = ReconstructionDetector(vae(args), random_state=0)
        detector.fit(images[train], groups=subject[train])
        inside = foreground(images[test])[1]
        plain = detector.score_samples(images[test])
        for diameter in DIAMETERS:
            for contrast in CONTRASTS:
                pasted, lesions = paste_lesions(
                    images[test], inside, diameter=diameter, contrast=contrast, seed=1
                )
                seen = detector.explain(pasted)[:, 0] * np.sign(contrast)
                hit = [
                    (s[m].mean() if m.any() else 0.0) for s, m in zip(seen, lesions, strict=True)
                ]
                scores = detector.score_samples(pasted)
                shown = [value >= SHOWN for value in hit]
                found = zip(scores < detector.offset_, scores < plain, shown, hit, strict=True)
                rows += [(out, diameter, contrast, *each) for each in found]
        print(out, flush=True)
    names = ["subject", "diameter", "contrast", "flagged", "score_fell", "shown", "residual"]
    table = pd.DataFrame(rows, columns=names)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(args.out, index=False)
    means = table.groupby(["diameter", "contrast"])[names[3:]].mean()
    for name in names[3:]:
        print(f"\n{name}\n{means[name].unstack('contrast').round(2).to_string()}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "report", "sensitivity"])
    parser.add_argument("--data", default="../shared/data/anomaly/brain_tumor_slices")
    parser.add_argument("--out", default="runs/anomaly_slices.npz")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--latent-dim", type=int, default=16)
    parser.add_argument("--denoising-steps", type=int, default=250)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    {"run": run, "report": report, "sensitivity": sensitivity}[args.command](args)


if __name__ == "__main__":
    main()
