"""Keeping a product findable: its sort key and search words follow its names."""

from catalog.models import Product
from catalog.search_tokens import document_tokens, sort_key


def save_product(product: Product) -> Product:
    """Save, with sort key and search words made anew. The one door for changed products."""
    county = product.county.name if product.county else ""
    product.sort_key = sort_key(product.name)
    product.search_tokens = document_tokens(product.name, product.name_en, product.category, county)
    product.save()
    return product
