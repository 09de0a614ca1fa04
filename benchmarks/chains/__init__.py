"""How fast the chain code is, each figure beside a raw reference of the same minute."""
