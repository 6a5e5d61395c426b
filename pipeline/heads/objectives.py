"""The objectives of SCP, SCAN, TEMI and TURTLE on logits, computed in log space.

SCP's terms are equations 3 to 6 of arXiv 2502.04226. TURTLE's is on the logits of several spaces, the others are on
those of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch.nn.functional import cross_entropy


def scp_terms(logits_a: torch.Tensor, logits_b: torch.Tensor) -> dict[str, torch.Tensor]:
    """The three terms of SCP's objective for a batch of pairs.

    With p and q the softmax of the two views' logits, and their means over the batch:

    - ``consistency``, equation 3: the cross entropy of p and q, symmetrised (ours), at least 0;
    - ``confidence``, equation 4 (after TAC): -mean log sum_c p_c q_c, at least 0;
    - ``balance``, equation 5 (after TAC): the entropies of both means, added, in nats, from 0 to 2 log k. The only
      term that is to be large.

    Args:
        logits_a: (batch, clusters), the first view of each pair.
        logits_b: (batch, clusters), the second view.

    Returns:
        the terms by name, each a scalar. Swapping the views or permuting the clusters changes none.
    """
    log_p, log_q = logits_a.log_softmax(-1), logits_b.log_softmax(-1)
    p, q = log_p.exp(), log_q.exp()
    consistency = -0.5 * (p * log_q + q * log_p).sum(-1).mean()
    confidence = -torch.logsumexp(log_p + log_q, -1).mean()
    return {"consistency": consistency, "confidence": confidence, "balance": mean_entropy(log_p) + mean_entropy(log_q)}


def mean_entropy(log_p: torch.Tensor) -> torch.Tensor:
    """The entropy in nats of the batch's mean distribution, from log probabilities (batch, clusters)."""
    log_mean = log_p.logsumexp(0) - torch.full((), float(len(log_p)), device=log_p.device).log()
    return -(log_mean.exp() * log_mean).sum()


def scp_total(
    terms: dict[str, torch.Tensor], used: Collection[str], balance_weight: float, most_balance: float | None = None
) -> torch.Tensor:
    """Equation 6: consistency + confidence - lambda * balance, over the terms in use.

    Args:
        terms: what `scp_terms` gives.
        used: the names of the terms to use, at least one; the rest are left out, for the ablation.
        balance_weight: lambda.
        most_balance: up to which the balance term counts (ours), so that clusters may be uneven; None: all of it, as in
            the paper.
    """
    if most_balance is not None:
        terms = {**terms, "balance": terms["balance"].clamp(max=most_balance)}
    signs = {"consistency": 1.0, "confidence": 1.0, "balance": -balance_weight}
    return torch.stack([signs[name] * terms[name] for name in signs if name in used]).sum()


def scan_terms(logits: torch.Tensor, neighbour_logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """The two terms of SCAN's objective (ECCV 2020, equation 2) for a batch of images, each with one neighbour.

    With p and q the softmax of both:

    - ``consistency``: -mean log sum_c p_c q_c, at least 0;
    - ``entropy``: of the images' mean p, in nats, from 0 to log k; it is to be large.

    Args:
        logits: (batch, clusters), the images.
        neighbour_logits: (batch, clusters), a neighbour of each.
    """
    log_p, log_q = logits.log_softmax(-1), neighbour_logits.log_softmax(-1)
    return {"consistency": -torch.logsumexp(log_p + log_q, -1).mean(), "entropy": mean_entropy(log_p)}


def self_labelling_loss(clean: torch.Tensor, augmented: torch.Tensor, threshold: float) -> torch.Tensor:
    """The loss of SCAN's self-labelling (ECCV 2020, section 2.3) for a batch of images.

    The cross entropy of augmented views with the clusters of the clean ones, of the images whose clean view has more
    than the threshold's probability for one, each weighted by the inverse number of them in its cluster: the mean over
    the clusters of the mean in each. Without such images it is 0, and so are its gradients.

    Args:
        clean: logits (batch, clusters), which get no gradient.
        augmented: the same of another view of each image.
        threshold: 0 to 1.
    """
    most, labels = clean.detach().softmax(-1).max(-1)
    sure = most > threshold
    counts = torch.zeros(clean.shape[1], device=clean.device).index_add_(0, labels, sure.float())
    weights = sure / counts.clamp_min(1)[labels]
    losses = cross_entropy(augmented, labels, reduction="none")
    return (weights * losses).sum() / (counts > 0).sum().clamp_min(1)


def temi_losses(
    students: tuple[torch.Tensor, torch.Tensor],
    teachers: tuple[torch.Tensor, torch.Tensor],
    marginal: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """TEMI's objective (BMVC 2023) for a batch of pairs and several heads.

    With p and p' the softmax of a head's logits for both halves of a pair, q and q' those of its teacher, and m the
    teacher's mean probabilities, the loss of a head is

        -mean w log sum_c (p_c q'_c)^beta / m_c,

    averaged over both directions (p with q', p' with q). The weight w of a pair is sum_c q_c q'_c, averaged over the
    heads: of a pair that the teachers set apart, less is learnt.

    Args:
        students: (heads, batch, clusters) each, already divided by the temperature.
        teachers: the same of the teachers, without gradient.
        marginal: (heads, clusters), m.
        beta: 1 is the pointwise mutual information; a smaller one keeps more clusters in use.

    Returns:
        (heads,). Swapping the halves or permuting a head's clusters changes none.
    """
    log_p = [logits.log_softmax(-1) for logits in students]
    log_q = [logits.log_softmax(-1) for logits in teachers]
    weight = (log_q[0] + log_q[1]).exp().sum(-1).mean(0)
    log_m = marginal.log()[:, None]
    losses = [
        -(weight * torch.logsumexp(beta * (p + q) - log_m, -1)).mean(-1)
        for p, q in ((log_p[0], log_q[1]), (log_p[1], log_q[0]))
    ]
    return (losses[0] + losses[1]) / 2


def log_mean_softmax(logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """The logarithm of the mean of several softmaxes, from logits (batch, clusters) each, in the same shape."""
    return torch.stack([each.log_softmax(-1) for each in logits]).logsumexp(0) - math.log(len(logits))


def turtle_terms(encoders: Sequence[torch.Tensor], classifiers: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """The two terms of TURTLE's outer objective (ICML 2024, equation 12) for a batch of images in one or more spaces.

    An image's label is the mean over the spaces of the softmax of the encoders' logits (equation 9).

    - ``error``: the cross entropy of the labels and the classifiers' predictions, the spaces added;
    - ``entropy``: of each space's mean label, in nats, the spaces added; it is to be large.

    Args:
        encoders: (batch, clusters) of each space.
        classifiers: the same of the classifiers that learnt these labels, without gradient.
    """
    labels = log_mean_softmax(encoders).exp()
    errors = [-(labels * each.log_softmax(-1)).sum(-1).mean() for each in classifiers]
    entropies = [mean_entropy(each.log_softmax(-1)) for each in encoders]
    return {"error": torch.stack(errors).sum(), "entropy": torch.stack(entropies).sum()}
