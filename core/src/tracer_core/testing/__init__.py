"""What tests of the core and of collectors, first- and third-party, share.

A test suite asks for the fixtures, in its settings or in its top ``conftest.py``::

    addopts = "-p tracer_core.testing.pytest_plugin"
    pytest_plugins = ["tracer_core.testing.pytest_plugin"]

Nothing is registered by itself, so that installing the core changes nobody's test runs. This package imports pytest in
``pytest_plugin`` only; the rest serves scripts too.
"""
