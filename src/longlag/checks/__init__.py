"""Checks: is a problem, is a model, what it must be?"""
