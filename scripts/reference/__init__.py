"""Parts of ``scripts/render_api.py``: what sources say of names in Python and in C."""
