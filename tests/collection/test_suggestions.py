from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.collection.suggestions import Classes, Suggestion, suggest


def of(source: str, names: Sequence[str], probabilities: np.ndarray) -> Classes:
    return Classes(source, names, lambda rows: probabilities[rows])


def test_what_the_paths_share_and_others_do_not() -> None:
    paths = [f"holidays/Rome/IMG_{n}.jpg" for n in range(4)] + [f"holidays/cats/IMG_{n}.jpg" for n in range(4)]
    found = suggest(paths, np.repeat([7, 3], 4))
    assert found == {7: Suggestion("rome", "folders", 1.0), 3: Suggestion("cats", "folders", 1.0)}


def test_words_of_cameras_and_single_pictures_name_nothing() -> None:
    paths = ["DSC_0001.jpg", "IMG_0002.jpg", "photo 3.png", "a/whisky.png"]
    assert suggest(paths, np.array([0, 0, 0, 1])) == {}


def test_file_names_and_months() -> None:
    paths = ["red-apple.png", "green apple2.png", "20210704_1.jpg", "IMG-2021-07-09.jpg", "x.png", "1234567890.png"]
    found = suggest(paths, np.array([0, 0, 1, 1, 2, 2]))
    assert found == {0: Suggestion("apple", "file names", 1.0), 1: Suggestion("July 2021", "dates", 1.0)}


def test_no_name_is_given_twice() -> None:
    paths = ["cats/1.png", "cats/2.png", "cats/3.png", "x/cats/4.png", "dogs/5.png", "dogs/6.png"] + ["z.png"] * 20
    clusters = np.array([0, 0, 1, 1, 1, 2, *[3] * 20])
    found = suggest(paths, clusters)
    assert found[0].text == "cats"
    assert 1 not in found


def test_the_classes_of_a_backbone() -> None:
    classes = ["tabby", "beagle", "cup"]
    probabilities = np.array([[0.7, 0.1, 0.2], [0.5, 0.3, 0.2], [0.05, 0.55, 0.4], [0.05, 0.5, 0.45], [0.3, 0.1, 0.1]])
    found = suggest(
        ["1", "2", "3", "4", "5"], np.array([0, 0, 1, 1, 2]), classes=[of("classes", classes, probabilities)]
    )
    assert found == {0: Suggestion("tabby", "classes", 0.6), 1: Suggestion("beagle, cup", "classes", 0.525)}, (
        "2 is like others"
    )


def test_when_the_pictures_of_a_cluster_were_taken() -> None:
    taken = ["2021-08-01 10:00:00", "2021-08-31 23:59:59", "", "2019-01-05 08:00:00", "", "2021-08-02 09:00:00"]
    paths = ["20190101.png", "b.png", "c.png", "d.png", "2019-01-02.png", "e.png"]
    found = suggest(paths, np.array([0, 0, 0, 1, 1, 1]), taken)
    assert found == {
        0: Suggestion("August 2021", "dates", 2 / 3),
        1: Suggestion("January 2019", "dates", 2 / 3),
    }, "the date in a path counts where the picture has none"
    assert suggest(paths, np.array([0, 1, 0, 0, 0, 1]), ["2021-08-01 10:00:00"] * 6) == {}, "all others have it too"


def test_a_noun_needs_less_and_stands_alone() -> None:
    nouns = ["dog", "hound", "cup"]
    probabilities = np.array([[0.12, 0.1, 0.0], [0.1, 0.1, 0.0], [0.0, 0.0, 0.04], [0.0, 0.0, 0.05]])
    found = suggest(list("abcd"), np.array([0, 0, 1, 1]), classes=[of("text", nouns, probabilities)])
    assert found == {0: Suggestion("dog", "text", 0.11)}, "a cup is too unlikely"
