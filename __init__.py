"""launchlens: why one version of some GPU code is faster than another, in parts that add up."""

__version__ = "0.1.0"
