"""Indexes over snapshots, so that every check is linear in what it reads."""
