"""Walk-forward evaluation of forecasters, compared with baselines, on the same splits."""
