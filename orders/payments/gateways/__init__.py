"""The payment providers behind one Protocol (`base.Gateway`)."""
