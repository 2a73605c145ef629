"""Who may call: registered clients, their keys and their tokens. Must not know what is asked."""
