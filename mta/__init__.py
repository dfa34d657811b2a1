"""One worker: renders its messages, sends them over pooled connections, records each outcome.

Session, pools, pace, rendering, outcome journal and the judging of replies live here. A worker
learns of work through the store alone and never speaks to the scheduler.
"""
