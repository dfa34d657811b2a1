"""Storms: made-up labs with made-up mail, in which made-up things go wrong.

``brew`` draws one, ``play`` runs it under the eyes of all invariants, ``shrink`` makes one that
failed as small as it can be. They are for tests: nothing here is used by a lab that runs.
"""
