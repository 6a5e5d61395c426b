"""`python -m pipeline` is the console script."""

from pipeline.cli.main import main

main()
