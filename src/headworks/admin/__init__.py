"""Operations on the service itself, entering through the same story."""
