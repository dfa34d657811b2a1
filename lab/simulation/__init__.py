"""The whole lab in one event loop whose time is virtual and whose network is memory.

The services are those of ``lab/services``, unmodified: what they ask of their surroundings comes
through ``lab.machine.Machine``, of which there is one for each simulated process here. Nothing in
this folder decides anything about mail.
"""
