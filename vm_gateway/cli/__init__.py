"""Owns the command `vm-gateway`: words in, REST through `vm_gateway.client`, lines out; refuses to know any policy."""
