from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipeline.images.signatures import BACK, ORIENTATIONS, reduced, signature, spectra, turned, turned_spectra

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_the_spectrum_of_a_turned_picture_follows_from_the_upright_one(orientation: int) -> None:
    expected = spectra(turned(PICTURES, orientation))
    np.testing.assert_allclose(turned_spectra(spectra(PICTURES), orientation), expected, atol=1e-5)
    np.testing.assert_array_equal(turned(turned(PICTURES, orientation), BACK[orientation]), PICTURES)


def test_the_orientations_differ() -> None:
    seen = {turned(PICTURES, orientation).tobytes() for orientation in range(ORIENTATIONS)}
    assert len(seen) == ORIENTATIONS


def test_a_spectrum_has_length_one_and_a_blank_picture_has_none() -> None:
    np.testing.assert_allclose(np.linalg.norm(spectra(PICTURES), axis=(1, 2)), 1, rtol=1e-5)
    assert not spectra(np.full((1, 64, 64), 200, np.uint8)).round(3).any()


def test_a_signature_has_the_values_of_the_picture() -> None:
    found = signature(Image.new("RGB", (30, 10), (255, 0, 0)))
    assert found.grey.shape == (64, 64)
    assert set(found.grey.ravel()) == {76}
    assert found.colour.reshape(-1, 2).tolist() == [[84, 255]] * 64
    assert found.aspect == 3
    assert (signature(Image.new("L", (5, 5), 90)).colour == 128).all()


def test_reduced_values_are_means() -> None:
    np.testing.assert_allclose(reduced(PICTURES)[1, 3, 5], PICTURES[1, 6:8, 10:12].mean())
