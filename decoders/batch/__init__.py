"""Whole columns of frames to tables."""
