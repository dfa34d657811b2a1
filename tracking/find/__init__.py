"""Finding: the URLs of a message source's texts, and where they stand. Pure.

``segments`` knows what Jinja2 fills in, ``tags`` cuts HTML as the standard does.
"""
