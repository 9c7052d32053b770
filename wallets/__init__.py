"""Wallets and their ledger. Knows an amount, a reason and a key; what the money was for is others' business."""
