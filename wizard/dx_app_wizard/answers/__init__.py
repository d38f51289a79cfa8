"""Answers: the questions, the sources that answer them, and one object that holds all answers."""
