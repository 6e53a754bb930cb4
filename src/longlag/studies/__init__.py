"""Studies: a question, the trials that it asks for, and the answer they give."""
