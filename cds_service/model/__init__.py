"""The words every layer shares: frozen, pure, no input or output."""
