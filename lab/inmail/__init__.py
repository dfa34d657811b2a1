"""The port for bounces: takes what comes back by mail, reads it, and lets the store judge it.

It answers nobody by mail, and forwards nothing: what it takes ends here.
"""
