"""Indexes over snapshots, so that every question is linear in what it looks at."""
