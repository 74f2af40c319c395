"""What did not go as agreed: shortages, claims, returns, cancelling, money back."""
