"""The experiments beside the main graph: studies, tables, figures, leaderboard, trial, zero-shot, nouns."""
