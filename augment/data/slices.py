"""Read slices of MRI from volumes, pictures or archives; write slices back as such."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, SmallDataWarning, listed
from augment._typing import FloatArray
from augment.data._cuts import (
    Cut,
    Options,
    check_alike,
    cut_pictures,
    cut_volumes,
    store_for,
)
from augment.data._label_table import Columns, LabelTable, read_labels
from augment.data._pictures import in_range, read_archive
from augment.data._resampling import Size, check_plane, check_size, fit_picture
from augment.data._slice_files import Found, find_files
from augment.data._slice_set import POSITION, SliceGeometry, SliceSet
from augment.data._slice_split import lone_classes, split_slices
from augment.data._slice_store import MEMORY_LIMIT, new_store
from augment.data._slice_writing import save_slices
from augment.data._volumes import READ_ERRORS, check_whole, unreadable

__all__ = ["SliceGeometry", "SliceSet", "load_slices", "save_slices", "split_slices"]

RAS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


def load_slices(
    folder_or_paths: str | Path | Sequence[str | Path],
    *,
    labels: Any = None,
    plane: str = "axial",
    size: int | Size | None = 64,
    n_slices: int | None = 8,
    label_column: str | None = "auto",
    group_column: str | None = "auto",
    file_column: str | None = "auto",
    mask_column: str | None = None,
    covariates: Sequence[str] = (),
    pattern: str = "*",
    split: str | None = None,
    percentiles: tuple[float, float] | None = (0.5, 99.5),
    pixel_size: float | None = None,
    min_foreground: float = 0.5,
    memory_limit: int = MEMORY_LIMIT,
    cache_dir: str | Path | None = None,
) -> SliceSet:
    """Read slices of volumes, pictures or an archive into one array.

    Parameters
    ----------
    folder_or_paths : path or list of paths
        - A folder of NIfTI volumes (``.nii``, ``.nii.gz``), at any depth, BIDS or not.
        - A folder of pictures (``.png``, ``.jpg``, ``.bmp``, ``.tif``), one folder for each
          class, or with a table.
        - An ``.npz`` file with ``train_images`` and ``train_labels`` as in MedMNIST, or
          ``images`` (``X``) and perhaps ``labels`` (``y``) and ``groups``.
        - A list of such volumes or pictures.
    labels : path, DataFrame, Series or dict, optional
        The table of labels and covariates. By default ``participants.tsv``, ``index.csv`` or
        ``labels.csv`` in the folder, if there is one. Rows are found by a column of files, or
        else by a column of subjects (``sub-007``, ``007`` and 7 are one). A Series or dict gives
        a label for each subject. Without a table, pictures take the name of their folder.
    plane : {"axial", "coronal", "sagittal"}
        How volumes are cut, after they were brought to RAS order.
    size : int, (height, width) or None
        Pixels. The field of view is fitted into them, its shape kept. None leaves the pixels as
        they are; then all files must be of one size.
    n_slices : int or None
        Slices of each volume, spread evenly over those that show enough tissue; None: all those.
    label_column, group_column, file_column : str or None
        Columns of the table. "auto" takes the first of ``label``, ``diagnosis``, ``dx``,
        ``class``, ``target``, ``group``; of ``participant_id``, ``subject``, ``subject_id``,
        ``patient``, ``patient_id``, ``block``; of ``file``, ``path``, ``filename``, ``image``.
        None uses none.
    mask_column : str, optional
        A column with the file of an outline for each image, read into ``masks``.
    covariates : sequence of str
        Columns of the table to carry along in ``conditions``.
    pattern : str
        Only files whose name matches, such as ``"*T1w.nii.gz"``.
    split : {"train", "val", "test", "all"}, optional
        Part of a MedMNIST archive; "train" if left out.
    percentiles : (float, float) or None
        Of a volume's intensities; they become 0 and 1, and what lies beyond is clipped. None
        leaves intensities alone. Pictures and archives of whole numbers are divided by the
        largest number of their dtype instead.
    pixel_size : float, optional
        Millimetres. By default the smallest at which the largest volume fits, so that heads keep
        their sizes relative to each other.
    min_foreground : float
        Share of the fullest slice's tissue that a slice must show to be taken. Tissue is brighter
        than a tenth of the scaled range.
    memory_limit : int
        Bytes; 2 GiB by default. A larger array lives in a file on disk (a memory map). Volumes
        are read one after the other, so one is in memory at a time.
    cache_dir : path, optional
        The folder for that file, where it stays. By default a temporary one, removed with the
        array.

    Returns
    -------
    SliceSet

    Raises
    ------
    InvalidInputError
        Naming the file: if it is damaged, holds more than one volume, NaN or one intensity, or is
        unlike the others in channels (or, with ``size=None``, in size); if it has no row in the
        table, or more than one; if the folder holds no images.

    Warns
    -----
    AugmentWarning
        If other files were skipped, rows of the table have no file, orientations are unknown,
        pictures had different sizes, or images are marked as synthetic.
    SmallDataWarning
        If a class has one subject only, so that it cannot be split by subject.

    Notes
    -----
    Volumes go through MONAI's ``LoadImaged`` and ``Orientationd``. Axes are flipped and swapped
    to the nearest of RAS; nothing is rotated or registered: an oblique volume is cut along its
    own axes, and its affine says where they lie. Slices are resampled linearly, smoothed where
    pixels are coarser than voxels.

    **What this does not do.** It does not strip skulls, correct bias fields or register heads. It
    believes the orientation that a header claims. It cannot tell whether two files are the same
    patient: name subjects.

    Examples
    --------
    >>> import tempfile
    >>> from augment.data import make_phantoms
    >>> folder = Path(tempfile.mkdtemp()) / "cohort"
    >>> phantoms = make_phantoms(n_subjects=4, n_slices=2, size=32, random_state=0)
    >>> _ = save_slices(phantoms, folder, format="png", synthetic=False)
    >>> slices = load_slices(folder, size=32)
    >>> slices
    SliceSet(8 slices of 1x32x32; 4 subjects; labels healthy 4, lesion 4)
    """
    options = Options(check_plane(plane), check_size(size), n_slices, percentiles, pixel_size,
                      min_foreground, memory_limit, cache_dir)  # fmt: skip
    columns = Columns(label_column, group_column, file_column, mask_column, tuple(covariates))
    if isinstance(folder_or_paths, str | Path) and str(folder_or_paths).endswith(".npz"):
        return _from_archive(Path(folder_or_paths), labels, split, options)
    found = find_files(folder_or_paths, pattern, _table(folder_or_paths, labels, columns))
    if found.kind == "volumes":
        return _gathered(found, cut_volumes(found, options, _read_volume), options)
    return _gathered(found, cut_pictures(found, options), options)


def _table(folder_or_paths: Any, labels: Any, columns: Columns) -> LabelTable | None:
    """Read the table of labels; beside a list of files, only one that was given."""
    if isinstance(folder_or_paths, str | Path):
        return read_labels(labels, Path(folder_or_paths), columns)
    return None if labels is None else read_labels(labels, Path(), columns)


def _read_volume(path: Path) -> tuple[FloatArray, FloatArray]:
    """Read a volume in RAS order, with its affine."""
    from monai.transforms import Compose, LoadImaged, Orientationd

    read = Compose(
        [
            LoadImaged("image", reader="NibabelReader", ensure_channel_first=True),
            Orientationd("image", axcodes="RAS", labels=RAS_LABELS),
        ]
    )
    try:
        check_whole(path)
        image = read({"image": path})["image"]
    except READ_ERRORS as error:
        raise unreadable(path, error.__cause__ or error) from error
    volume: FloatArray = np.asarray(image.numpy(), np.float32)
    return volume.reshape(volume.shape[1:4]), np.asarray(image.affine, np.float64)


def _gathered(found: Found, cuts: Iterator[Cut], options: Options) -> SliceSet:
    """Put the slices of all files into one array, beside what the table says of them."""
    store, masks, n = None, None, 0
    owners: list[int] = []
    geometry: list[SliceGeometry] = []
    positions: list[FloatArray] = []
    for i, cut in enumerate(cuts):
        if store is None:
            store, most = store_for(found, cut, options)
            masks = None if cut.masks is None else np.zeros((most, *store.shape[2:]), np.bool_)
        check_alike(cut, store, found, i)
        stop = n + len(cut.images)
        store[n:stop] = cut.images
        if masks is not None and cut.masks is not None:
            masks[n:stop] = cut.masks
        owners += [i] * len(cut.images)
        geometry += cut.geometry
        positions += [] if cut.positions is None else [cut.positions]
        n = stop
    assert store is not None  # find_files gives at least one file
    conditions, y, groups = _described(found, owners)
    if positions:
        conditions[POSITION] = np.concatenate(positions)
    _warn_of_lone_subjects(y, groups)
    return SliceSet(
        store[:n], y, groups, conditions, geometry, None if masks is None else masks[:n]
    )


def _described(
    found: Found, owners: list[int]
) -> tuple[pd.DataFrame, pd.Series | None, np.ndarray | None]:
    """Give conditions, labels and subjects of slices."""
    table = found.table
    by_file = pd.DataFrame(index=range(len(found.files)))
    label: pd.Series | None = None
    if table is not None:
        label = table.labels(found.rows)
        for name in table.covariates:
            by_file[name] = table.frame[name].iloc[found.rows].to_numpy()
    elif (classes := found.classes()) is not None:
        label = pd.Series(classes, name="label")
    if label is not None and label.name not in by_file:
        by_file.insert(0, label.name, label.to_numpy())
    conditions = by_file.iloc[owners].reset_index(drop=True)
    y = None if label is None else label.iloc[owners].reset_index(drop=True)
    subjects = found.subjects()
    groups = None if subjects is None else np.asarray(subjects, dtype=str)[owners]
    return conditions, y, groups


def _warn_of_lone_subjects(y: pd.Series | None, groups: np.ndarray | None) -> None:
    """Warn of classes that cannot be split by subject."""
    lone = lone_classes(y, groups)
    if lone:
        warnings.warn(
            f"One subject only in the class{'es' if len(lone) > 1 else ''} {listed(lone)}: what is "
            "learned there is that person, and the class cannot be judged on others. Find more "
            "subjects, or leave the class out.",
            SmallDataWarning,
            stacklevel=4,
        )


def _from_archive(path: Path, labels: Any, split: str | None, options: Options) -> SliceSet:
    """Read an archive of arrays."""
    if not path.is_file():
        raise InvalidInputError(f"Expected an archive at '{path}'; found no file. Check the path.")
    if labels is not None:
        raise InvalidInputError("An .npz archive brings its own labels; leave labels out.")
    images, y, groups = read_archive(path, split)
    size = options.size or images.shape[2:]
    store = new_store((*images.shape[:2], *size), options.memory_limit, options.cache_dir)
    for i, image in enumerate(images):
        pixels = in_range(image, f"Image {i} of '{path}'")
        store[i] = fit_picture(pixels, size)
    conditions = pd.DataFrame() if y is None else pd.DataFrame({"label": y})
    label = None if y is None else pd.Series(y, name="label")
    subjects = None if groups is None else groups.astype(str)
    _warn_of_lone_subjects(label, subjects)
    return SliceSet(store, label, subjects, conditions, [SliceGeometry(path.name)] * len(images))
