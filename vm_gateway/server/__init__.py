"""Owns the gateway's HTTP side: routes, bodies, answers, who may ask; refuses to decide anything a service decides."""
