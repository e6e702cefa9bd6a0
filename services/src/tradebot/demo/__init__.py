"""The whole pipeline on one machine: every stage a supervised process."""
