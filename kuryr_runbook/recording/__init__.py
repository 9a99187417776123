"""What a run leaves behind: executed notebooks, their HTML and their digests."""
