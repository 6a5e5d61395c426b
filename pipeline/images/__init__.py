"""Pictures before any backbone sees them: data sets, lists, decoding, and the stage `prepare`."""
