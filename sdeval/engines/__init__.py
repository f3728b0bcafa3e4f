"""The engines: they check a target, load it and generate its images. Only they and the faults import diffusers."""

from sdeval._utils.environment import calm_threads

calm_threads()
