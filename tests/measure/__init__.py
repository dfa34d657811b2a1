"""Measurements that a person runs; they assert nothing."""
