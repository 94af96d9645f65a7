"""The maths: arrays in, arrays out. Knows no database, no Temporal, no clock; seeds are given."""
