"""The configuration is changed: by dotted keys as values, in the text of the file, in a lab."""
