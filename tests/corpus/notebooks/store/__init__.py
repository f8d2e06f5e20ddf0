"""A package beside the notebooks."""

from .steps import total
