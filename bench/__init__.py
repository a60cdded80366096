"""The benchmark: Headworks beside other Python model servers, in one interleaved run on two cores."""
