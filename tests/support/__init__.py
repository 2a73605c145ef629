"""What several tests share: worked cases as a client would send them, and a house to ask."""
