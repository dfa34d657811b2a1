"""The seams to the world as Protocols: clock, chance and network with a real version each, log.

Nothing here decides anything. Whoever needs the time, a dice, an address or an ear is handed one of them;
only the composition root in ``lab/`` chooses which.
"""
