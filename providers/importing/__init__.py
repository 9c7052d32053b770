"""Prices from the world: the installed `genai-prices` list compared with our price book, shown, then written."""
