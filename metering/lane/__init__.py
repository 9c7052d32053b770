"""The fast lane: the four calls that agents make all day share lock and commit with whoever calls at the same time.

It takes the plain cases of what `metering.api` documents and hands everything else over to it untouched: a body that
can't be used, a key not seen lately, a repeated key, a call that has ended. See docs/hot-path.md.
"""
