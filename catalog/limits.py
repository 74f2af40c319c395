"""What nobody means seriously: limits on typed numbers. `settings.LISTING_LIMITS` overrides single ones."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class ListingLimits:
    """A lot of one harvest: up to 50 t, up to 20,000 pieces; 0.10 to 5,000 yuan a kilogram, 50,000 a
    piece.
    """

    min_lot_g: int = 100
    max_lot_g: int = 50_000_000
    min_lot_pieces: int = 1
    max_lot_pieces: int = 20_000
    min_price_fen: int = 10
    max_price_fen_per_kg: int = 500_000
    max_price_fen_per_piece: int = 5_000_000
    #: oldest harvest that anybody lists (aged goods: liquor, tea)
    max_age_days: int = 3650
    max_shelf_life_days: int = 3650
    #: a lot must be good for this many more days
    min_days_left: int = 1

    def quantity_range(self, unit: str) -> tuple[int, int]:
        if unit == "g":
            return self.min_lot_g, self.max_lot_g
        return self.min_lot_pieces, self.max_lot_pieces

    def price_range(self, unit: str) -> tuple[int, int]:
        return self.min_price_fen, self.max_price_fen_per_kg if unit == "g" else self.max_price_fen_per_piece


def listing_limits() -> ListingLimits:
    return ListingLimits(**getattr(settings, "LISTING_LIMITS", {}))
