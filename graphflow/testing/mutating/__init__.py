"""Graphs changed a little: which changes do the tests of a graph notice?"""
