"""The interview: who is asked what, in which words, on a terminal or through a pipe."""
