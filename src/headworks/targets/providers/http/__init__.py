"""HTTP/1.1 to the providers: what `client.py` is made of. Nothing else imports these modules but values of `settings`."""
