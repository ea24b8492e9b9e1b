"""This package checks what a server needs around it: the checks of `doctor`."""
