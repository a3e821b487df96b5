"""What `api-face bench --peers` is made of; edge.commands.bench_peers puts it together."""
