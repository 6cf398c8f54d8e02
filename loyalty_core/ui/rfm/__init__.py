"""The RFM screen: the grid, the segments, the movement between them, the cut points, and own cells."""
