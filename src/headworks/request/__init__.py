"""The path of a request, one step a file; story.py puts them in order."""
