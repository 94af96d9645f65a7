"""Signing in by an OpenID Connect provider.

fetching    documents of the provider: over https, of a bounded size, from nowhere else
provider    what the provider says about itself, and its keys
tokens      whether a token is the provider's, and meant for us
flow        a browser's way there and back: authorization code with PKCE
people      whose account an identity is
"""
