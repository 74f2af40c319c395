"""A double of the Alipay gateway: a separate process with its own keys and its own store.

It speaks the real wire protocol, signed both ways, and knows nothing of the product. Start it with
``python -m orders.payments.alipay_sim --port N --data DIR --app-public-key FILE``.
"""
