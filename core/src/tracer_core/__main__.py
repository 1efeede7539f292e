"""``python -m tracer_core`` is ``tracer``."""

from tracer_core.cli.main import main

if __name__ == "__main__":
    main()
