"""Tables and images as arrays: schemas, codecs, readers."""
