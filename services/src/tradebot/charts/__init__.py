"""Charts as SVG in pages that need no script library: ticks, thinned lines, a legend, a readout."""
