"""What every room needs and that knows nothing of images or clusters: errors, files, locks, tables, provenance."""
