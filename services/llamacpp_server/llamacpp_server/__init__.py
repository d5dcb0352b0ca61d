"""llama.cpp's server out of a wheel, with the arguments of its own program, and a model small enough to carry along."""

__version__ = "0.1.0"
