"""`secpipe report`: saved documents in other formats, and a page held to the document inside it."""
