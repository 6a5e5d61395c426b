"""What a clustering is worth when pictures are not clean: corrupted, occluded, uneven, of another domain, and with a
wrong number of clusters.

Every fit sees embeddings alone. Three regimes: heads of clean pictures predict corrupted ones; all pictures are
corrupted and fitted again; a share of them is corrupted and mixed in.
"""
