"""bench: how fast extraction and fit are here, each beside the floor that the same process reaches, and a clustering.

Extraction is set beside the bare backbone on batches that are ready, the fit beside bare matrix multiplications of its
shapes. Floor and product run in turns, so that a machine that slows down slows both. No time fails anything.
"""
