"""Events as Arrow (ADR 0014): their schema, batches of events there and back, in files and in a pipe."""
