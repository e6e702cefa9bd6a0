"""Walk-forward evaluation of forecasters, beside baselines, on the same splits."""
