"""Providers, their models and the dated rates: the price book."""
