"""Networks of namespaces, made for a test and gone after it: traffic is our own and nobody else's.

Each is a context manager that takes the prefix of the names; ``tracer_core.testing.topologies`` has a fixture for each.
What a machine cannot do is a :class:`tracer_core.testing.topology.site.MissingError`.
"""
