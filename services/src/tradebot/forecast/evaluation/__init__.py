"""Walk-forward evaluation of forecasters against baselines, on the same splits."""
