"""Who people are: users, their roles in scopes, sign-in by phone code or PIN, consent to delivery places."""
