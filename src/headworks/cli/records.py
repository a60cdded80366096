"""stand-in"""
def add_words(commands): pass
