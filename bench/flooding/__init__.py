"""Parts of ``bench/flood.py``: the network, what is measured, the tools, the tables."""
