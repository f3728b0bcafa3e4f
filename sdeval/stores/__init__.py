"""Where the full-size images of baselines lie: a folder beside them, or any place that fsspec knows by its URL.

Git keeps scores, features, digests and thumbnails. A store is content-addressed: an object is a lossless PNG without
metadata, and its name is the hash of its pixels, so that whatever answers is verified by the name that was asked for.
"""
