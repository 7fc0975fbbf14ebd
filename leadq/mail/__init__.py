"""The mail: composed from a letter, turned into bytes, carried by a transport.

letter ← composer (rendering, wire) → message → transport (file, log, smtp) → receipt, or a DeliveryError.
"""
