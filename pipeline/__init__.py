"""Image clustering without text and without labels, on frozen features."""
