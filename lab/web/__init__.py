"""One port for people and programs: the pages, the API, the inbox API and the metrics.

``app`` puts it together; ``guard`` decides who may ask; ``api/`` answers programs, ``pages/``
people. All of them read through the same named operations as the commands.
"""
