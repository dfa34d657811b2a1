"""Traces: what was said on connections, recorded while an operator wants it, and read afterwards.

``transcript`` tells from the bytes of one connection who said what, to which message it belongs and
how long each reply was waited for; it never touches a socket or a file. ``tracer`` decides what is
wanted, ``files`` keeps it. Sessions know nothing of it but ``mta.session.traced.Listener``.
"""
