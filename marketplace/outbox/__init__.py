"""Facts leave a transaction as rows and reach their handlers after the commit, in order per aggregate."""
