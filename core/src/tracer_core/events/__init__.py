"""Events, many at a time: columns of them, the objects they stand for, and the run that they are of."""
