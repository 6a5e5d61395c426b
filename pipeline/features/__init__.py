"""The cache of embeddings, and what is asked of embeddings alone: neighbours, components, quality."""
