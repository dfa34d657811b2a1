"""The seams to the world as Protocols: clock, chance and network with a real version each, log.

Nothing here decides anything. Whoever needs the time, a dice, an address or a listener is handed
one of these; only the composition root in ``lab/`` chooses which.
"""
