"""From pictures to embeddings: augmented views, batches, engines, and the stage `extract`."""
