"""What holds at every step of every simulation, whatever goes wrong.

Each file holds one kind; ``watch`` attaches all of them to a simulation, in which they are told of
each commit, of each MAIL that leaves, of each receipt. They know the store's rows, the wire and the
sinks' files, and ask no part of the pipeline what it thinks. The first violation ends the run.
"""
