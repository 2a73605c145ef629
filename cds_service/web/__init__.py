"""HTTP: what comes in, who may ask, how it is answered. HTTP words stop here."""
