"""placeholder"""


def prove(start): ...
