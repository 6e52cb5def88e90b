"""Misbehaviour on request: rules and what they do."""
