"""Pure rules: who may send where, through which source IP, how often, under which limits.

Affinities and their source IPs, domain masks, weights, MX rules, lanes, routes, and the reading
and checking of configuration *text*. No file is opened here, no clock read, no socket touched:
the composition root reads files, the scheduler and the workers ask these functions.
"""
