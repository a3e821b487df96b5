"""How well people are recognised: pure figures over embeddings, scores and boxes.

`photographs` and `tables` read files, `plots` draws; everything else takes arrays and returns values.
"""
