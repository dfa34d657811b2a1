"""Why a message is pending: facts from the store and the configuration, and gates that judge them.

``diagnosis.diagnose`` is the door. Gates are pure functions over a group of messages that stand
alike, a file for each family, in the order of ``mail.cause.Cause``; nothing here has a clock.
"""
