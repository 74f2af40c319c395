"""A parcel's stay behind a door: dropped, waiting, collected or taken out again."""
