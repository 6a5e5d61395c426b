"""The data sets that can be prepared: a module each, or one for a family, with the reader and the entries side by side.

A reader turns the files of the official distribution into pictures and labels, in the official order. Labels leave
this package for `prepare` alone, which writes them apart from the pictures.

A command imports the registry to check a name, so NumPy, torchvision and the like are imported where files are read.
"""
