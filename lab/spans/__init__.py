"""The way of a message as OpenTelemetry traces: read from the store after the fact.

``way`` makes spans of what is recorded (pure), ``otlp`` writes them as OpenTelemetry has them,
``collector`` posts them, ``export`` goes through the log. Whoever sends mail knows nothing of it.
"""
