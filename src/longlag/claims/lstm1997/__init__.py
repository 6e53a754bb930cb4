"""The claims of the paper of 1997."""
