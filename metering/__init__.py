"""Calls of models: authorise, progress, settle; rating; usage records and receipts."""
