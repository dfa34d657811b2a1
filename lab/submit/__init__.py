"""Submission: a message source and a list of recipients become a delivery, whole or not at all."""
