"""The words of the system: addresses, replies, outcomes, statuses and the two state machines.

Here live pure values and the rules that need nothing but them. No I/O, no clock, no logging, no
import from any other room. Every room may use these words; none may add a second meaning.
"""
