"""Scenarios for the page: found, given, played in processes of their own, and looked at."""
