"""Models that are objects of the calling program: modules, estimators, functions. Objects in, one ``Backend`` out."""
