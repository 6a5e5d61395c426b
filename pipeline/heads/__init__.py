"""The cluster head and its training: pairs, objectives, runs, and the files that a fit leaves."""
