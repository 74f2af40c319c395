"""The top floor, which sees every app, and the common ground at the bottom. See ARCHITECTURE.md."""
