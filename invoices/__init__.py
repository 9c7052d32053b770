"""Itemised invoices: drafting, numbering, documents."""
