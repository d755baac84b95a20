"""Who calls: a token's principal, or the operator of this machine."""
