"""Runs the vectors of the specification against this package or against any other implementation of it."""
