"""Objectives of deep clustering methods, on frozen embeddings: one module each."""
