"""The only rooms that import diffusers: check a target, load it, generate a batch."""

from sdeval._utils.environment import calm_threads

calm_threads()
