"""Parts put together, each from the configuration's words and the parts it needs; app.py opens what is made here."""
