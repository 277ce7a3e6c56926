"""duostyle: a real-time server for neural style transfer with one, two or more styles."""
