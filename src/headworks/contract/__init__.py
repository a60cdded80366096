"""Wire types, schemas and the rules by which a published version may change."""
