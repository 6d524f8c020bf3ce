"""Real images for the tests of data: the 20 of each kind that foolbox ships, label in the file name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RealImages = Callable[[str], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="session")
def real_image_files() -> Callable[[str], list[tuple[Path, int]]]:
    """Files of one kind (``mnist``, ``fashionMNIST``, ``cifar10``, ``cifar100``, ``imagenet``) with their labels."""

    def of_kind(kind: str) -> list[tuple[Path, int]]:
        package = find_spec("foolbox")  # not imported: only its images are wanted
        assert package is not None
        assert package.origin is not None
        folder = Path(package.origin).parent / "data"
        found = [(path, int(path.stem.split("_")[2])) for path in sorted(folder.glob(f"{kind}_*"))]
        assert len(found) == 20
        return found

    return of_kind


@pytest.fixture(scope="session")
def real_images(real_image_files: Callable[[str], list[tuple[Path, int]]]) -> RealImages:
    """Pixels uint8 ``(20, H, W)`` or ``(20, H, W, 3)`` and labels of one kind."""

    def of_kind(kind: str) -> tuple[np.ndarray, np.ndarray]:
        found = real_image_files(kind)
        return np.stack([np.asarray(Image.open(path)) for path, _ in found]), np.array([label for _, label in found])

    return of_kind
