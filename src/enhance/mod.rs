//! Contrast phases: subtraction, enhancement maps and curves.
