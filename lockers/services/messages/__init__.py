"""What devices report, taken in once and made into facts."""
