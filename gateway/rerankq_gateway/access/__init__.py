"""Who calls: a token's principal, or the operator of this machine.

gate             lets a request in, or says why not
bearer           the token of a request, and who has it
settings_tokens  tokens that the operator sets
principal        whom a request acts for, and what it may do
rate_headers     what is left of a tenant's quotas, in headers
"""
