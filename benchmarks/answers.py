"""What 20, 50 and 200 answers are worth: results of `pipeline cluster` on folders with one subfolder a class.

    python -m benchmarks.answers RESULT... [--seeds 5]

A person is simulated, who knows the classes: asked which of five clusters a picture belongs to, they name the one that
stands for its class (by the Hungarian matching of the clustering as it was), or say none. Twenty questions are asked at
a time. Printed are the accuracies in percent, mean and standard deviation over the seeds: of the clustering, of the
answers alone (the pictures asked about are put right and no other), and of the head that learnt from them; with the
questions asked by IDC's rule and at random. The labels are in this file alone.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.base.files import read_json
from pipeline.cli.settings import Settings, read_params
from pipeline.collection.questions import Question, ask
from pipeline.collection.result import SPLIT, Collection
from pipeline.config.params import DEFAULTS
from pipeline.config.settings import DatasetSettings
from pipeline.evaluation.scores import accuracy, match
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours
from pipeline.heads.answers import Answers, spread
from pipeline.heads.head_file import head_file
from pipeline.heads.problem import Problem
from pipeline.heads.saved import load_model
from pipeline.heads.teaching import teach
from pipeline.methods import METHODS

COUNTS = (20, 50, 200)
RULES = ("idc", "random")


class Trial:
    """One result, and the person who knows its classes."""

    def __init__(self, result: Path, settings: Settings) -> None:
        collection = Collection(result)
        made = read_json(collection.about, "pipeline cluster")
        features = open_features(collection.features("+".join(p["backbone"] for p in made["embedding"]["parts"])))
        read = features.read(SPLIT)
        self.choice = settings.cluster.answers
        self.views, self.clean = read.views, read.clean
        self.classes = np.unique([name.split("/")[0] for name in read.ids], return_inverse=True)[1]
        self.clusters = load_model(head_file(collection.head), METHODS).model.logits(self.clean).argmax(1)
        self.outputs = int(made["clusters"])
        self.near = neighbours(unit_length(self.clean), settings.cluster.layout.neighbours)[0]
        self.stands_for = match(self.clusters, self.classes)
        dataset = DatasetSettings(self.outputs, settings.cluster.balance_weight, None, settings.cluster.geometry)
        self.problem = Problem(self.views, settings.fit, dataset, "cpu", lambda _: None)

    def beliefs(self, answers: Answers) -> np.ndarray:
        """What is believed of each picture."""
        return spread(self.clean, self.near, self.clusters, self.outputs, answers, self.choice.reach)

    def answer(self, question: Question, answers: Answers) -> Answers:
        """The answers with one more."""
        row = question.row
        right = [each for each in question.candidates if self.stands_for.get(each) == self.classes[row]]
        if right:
            return replace(answers, belongs={**answers.belongs, row: right[0]})
        return replace(answers, excluded={**answers.excluded, row: question.candidates})

    def questions(self, rule: str, count: int, answers: Answers, generator: np.random.Generator) -> list[Question]:
        """The next ones."""
        beliefs, answered = self.beliefs(answers), answers.rows()
        if rule == "idc":
            return ask(unit_length(self.clean), self.near, beliefs, answered, count, self.choice.candidates)
        left = np.setdiff1d(np.arange(len(beliefs)), answered)
        rows = generator.choice(left, min(count, len(left)), replace=False)
        order = np.argsort(-beliefs[rows], 1, kind="stable")[:, : self.choice.candidates]
        return [Question(int(row), tuple(each)) for row, each in zip(rows, order.tolist(), strict=True)]

    def run(self, rule: str, seed: int) -> list[tuple[float, float]]:
        """Accuracies after each of `COUNTS`: of the answers alone, and of what the head learnt from them."""
        generator, answers, asked, found = np.random.default_rng(seed), Answers(), 0, []
        for count in COUNTS:
            while asked < count:
                new = self.questions(rule, min(self.choice.questions, count - asked), answers, generator)
                if not new:
                    break
                asked += len(new)
                for question in new:
                    answers = self.answer(question, answers)
            model = teach(self.problem, self.beliefs(answers), answers, self.choice.steps, seed)
            taught, alone = model.logits(self.clean).argmax(1), self.clusters.copy()
            for clusters in (taught, alone):
                for row, cluster in answers.belongs.items():
                    clusters[row] = cluster
            found.append((accuracy(alone, self.classes), accuracy(taught, self.classes)))
        return found


def main() -> None:
    """Prints a row for each result and rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print("pictures", "asked", "clustering", *(f"{count} answers: alone, learnt" for count in COUNTS), sep="\t")
    settings = read_params(DEFAULTS)
    for result in given.results:
        trial = Trial(result, settings)
        before = f"{100 * accuracy(trial.clusters, trial.classes):.1f}"
        for rule in RULES:
            runs = 100 * np.array([trial.run(rule, seed) for seed in range(given.seeds)])
            cells = (
                f"{alone.mean():.1f}, {learnt.mean():.1f} ± {learnt.std(ddof=1) if len(learnt) > 1 else 0:.1f}"
                for alone, learnt in runs.transpose(1, 2, 0)
            )
            print(result.name, rule, before, *cells, sep="\t", flush=True)


if __name__ == "__main__":
    main()
