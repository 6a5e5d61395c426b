"""The frozen backbones: registry, weights, one loader a library, and their fast forward pass."""
