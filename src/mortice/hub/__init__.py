"""The hub: a courier and a record, never an authority. Accounts, places, pages, API, ingest, relay.

It forwards signed documents and shows what locks have confirmed. It holds no right to open.
"""
