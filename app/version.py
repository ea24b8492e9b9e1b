"""The version of this appliance: the one place where it is written; nothing else."""

VERSION = "0.1.0"
