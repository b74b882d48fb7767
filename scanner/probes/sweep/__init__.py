"""The hello sweep: what a TLS server accepts, read from its first flight alone. No cryptography of its own."""
