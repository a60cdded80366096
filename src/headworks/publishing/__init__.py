"""What is published: each version's contract, and who decides when it changes."""
