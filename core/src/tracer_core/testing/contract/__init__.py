"""What holds for any collector, as tests: an author's test suite gets all of them with one class.

    from tracer_core.testing import CollectorContract


    class TestContract(CollectorContract):
        collector = "hello"

They need pytest and hypothesis, and the fixtures of ``tracer_core.testing.pytest_plugin``.
"""

from tracer_core.testing.contract.suite import CollectorContract

__all__ = ["CollectorContract"]
