"""Science platform images: missions as data, kernels as solved environments, images rebuilt from locks."""

from __future__ import annotations

__version__ = "0.1.0"
