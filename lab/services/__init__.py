"""What each long-running command does, as a coroutine that ends when it is told to.

A file each, so that a process imports what it runs and nothing else: a lab starts eight of them.
"""
