"""SCAN's third step, self-labelling (Van Gansbeke et al., ECCV 2020, section 2.3): a head learns from its sure images.

The cluster that an image surely has in its clean view is what an augmented view of it is to get. Taken: the threshold,
the weights of the clusters, Adam's learning rate and weight decay. Ours: the annealed rate and the batch of all heads
here, and the cached views, which are weaker than the paper's strong augmentations.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from pipeline.base.errors import PipelineError
from pipeline.heads.adam import Adam
from pipeline.heads.objectives import self_labelling_loss
from pipeline.heads.pairs import image_batches
from pipeline.heads.problem import Problem, Run
from pipeline.heads.training import HeadModel, Progress, in_precision

THRESHOLD = 0.99
LEARNING_RATE = 1e-4
WEIGHT_DECAY = 1e-4
"""The paper's, all three."""


def check_views(problem: Problem) -> None:
    """Refuses embeddings without an augmented view.

    Raises:
        PipelineError: if there is none in memory.
    """
    images, views, _ = problem.views.shape
    if not images or views < 2:
        raise PipelineError(
            f"fit.scan.self_labelling: expected augmented views in memory, found {views - 1} of {images} images; "
            "take caches with views (extract.views), give --memory more, or set it to 0"
        )


def self_label(problem: Problem, run: Run, epochs: int, seed: int, progress: Progress) -> Run:
    """The run with its head trained on; its loss and its history stay those of the clustering.

    Args:
        problem: with a clean and at least one augmented view of each image.
        run: whose model is a head; it is not changed.
        epochs: of the training.
        seed: of the batches and the views.
        progress: told before each step.
    """
    settings, device = problem.settings.training, problem.device
    assert isinstance(run.model, HeadModel)
    head = copy.deepcopy(run.model.head).train()
    forward = in_precision(head, settings.precision, device)
    data = torch.from_numpy(problem.views).to(device)
    images, views, _ = data.shape
    batch = min(settings.batch, images)
    epoch = -(-images // batch)
    steps = epochs * epoch
    optimiser = Adam(head.parameters(), LEARNING_RATE, WEIGHT_DECAY, steps)
    generator = torch.Generator().manual_seed(seed)
    for step, rows in enumerate(image_batches(images, batch, steps, generator)):
        progress(step, steps, step % epoch == 0)
        drawn = torch.randint(1, views, (batch,), generator=generator).to(device)
        rows = rows.to(device)
        with torch.no_grad():
            clean = forward(data[rows, 0])
        loss = self_labelling_loss(clean, forward(data[rows, drawn]), THRESHOLD)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return replace(run, model=HeadModel(head))
