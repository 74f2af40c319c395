"""Paper and files for people: PDF with Chinese letters inside, CSV and Excel. No Django, no domain."""
