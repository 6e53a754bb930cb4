"""The live page: a session, its server, and the built page."""
