"""What paid services cost, and what may still be spent on them."""
