"""The peers of `api-face bench --peers`: one small program each, spoken to over its standard input and output."""
