"""Configurations of other systems, read into ours."""
