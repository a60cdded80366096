"""The demo's own models, as a team would write them: one class a model, `load` and `predict`."""
