from __future__ import annotations

from tracer_core.testing import CollectorContract
from tracer_nft.plugin import NftOptions


class TestContract(CollectorContract):
    collector = "nft"
    options = (NftOptions(("all",), rules=True),)
