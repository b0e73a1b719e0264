"""The real driver on a clock that takes no time, in an order that a seed decides, struck on the way."""
