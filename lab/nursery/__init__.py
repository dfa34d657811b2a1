"""Where the processes of a lab come from: forked from one that has all its modules loaded.

Each process of a lab needs the same modules, whose loading takes most of a second; forked, it needs
a few hundredths, and shares their memory. ``nursery.py`` is where they are forked: a plain loop
without threads that does nothing else, and tells of their ends; ``asking.py`` is the side of who
wants children.
"""
