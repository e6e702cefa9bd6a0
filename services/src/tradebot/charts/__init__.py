"""Charts as SVG in pages without a script library: ticks, thinned lines, a legend, a readout."""
