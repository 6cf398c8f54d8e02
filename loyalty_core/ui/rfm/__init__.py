"""The RFM screen: the grid, the segments, the movement between them, and the cut points."""
