"""What people look at: the stage `metrics`, its page, plots, charts and tables of results."""
