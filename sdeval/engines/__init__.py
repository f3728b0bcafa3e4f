"""The only rooms that import diffusers: check a target, load it, draw a batch."""

from sdeval._utils.environment import calm_threads

calm_threads()
