"""The words every part shares: money, units, ids, places on earth, time, who acts, errors. No Django."""
