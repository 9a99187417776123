"""Where the files are that tests look at as they lie in the repository."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
