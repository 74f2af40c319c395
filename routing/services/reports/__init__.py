"""Plans as people compare, sum up and print them."""
