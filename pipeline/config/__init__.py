"""What decides a result, and where it goes: parameters, settings, paths, the names of files, devices."""
