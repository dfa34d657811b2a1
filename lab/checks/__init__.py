"""What can be seen to be wrong with a message before it is sent; one family of checks a file.

``letter`` reads what is looked at, ``page`` its HTML; a check is a pure function from a letter to
findings. Only ``fetching`` asks anybody anything, and nobody but this machine.
"""
