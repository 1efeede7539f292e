"""How often, and with which seeds, tests make filters: once, always the same, unless the environment says otherwise."""

from __future__ import annotations

import os
import random

ROUNDS = int(os.environ.get("TRACER_FILTER_FUZZ", "0"))
SEED = int(os.environ.get("TRACER_FILTER_SEED", "0"))
SEEDS = [random.SystemRandom().randrange(1 << 32) for _ in range(ROUNDS)] or [SEED]
