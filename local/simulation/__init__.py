"""Agents at work: a process that calls models through the providers' own SDKs and pays for them over the billing API.

It knows the product by its HTTP API alone. What the agents shall do stands in Valkey, written by the portal's pages.
"""
