"""Experiments beside the graph: studies, tables, figures, leaderboard, systems, trial, zero-shot, nouns, theorem."""
