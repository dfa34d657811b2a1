"""The three seams to the world: clock, chance and network, as Protocols with a real version each.

Nothing here decides anything. Whoever needs the time, a dice or an address is handed one of these;
only the composition root in ``lab/`` chooses which.
"""
