"""From records to events: batches in, columns per layout, events in ring order out."""
