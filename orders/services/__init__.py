"""The rules of orders. One module per theme; every change of state has one door here.

Whoever changes an order, its lines or its fulfilments first locks the order row; what follows keeps the lock
order of marketplace.database.locks: cart -> order -> payment group -> intent -> refund
-> stock -> capacity hold -> allocation -> shipment -> plan -> handling unit -> ledger.
"""
