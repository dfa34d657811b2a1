"""Reports: what counters say of deliveries, traffic and readers, with the formula of each figure.

A file is one report or one family. What it makes are sheets of rows with units, whoever shows them.
Formulas are pure functions of counts; nothing here counts rows of messages or transitions.
"""
