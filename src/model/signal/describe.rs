//! A signal model in words, for people.
