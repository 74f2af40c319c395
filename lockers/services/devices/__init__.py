"""Who a device is, with which keys, what it must hold and is told to do."""
