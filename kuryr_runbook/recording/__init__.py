"""What a run leaves behind: executed notebooks, their HTML, and a signed record of both."""
