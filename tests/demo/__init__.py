"""Tests of the demo company (a real process over HTTP) and of the retail map against it."""
