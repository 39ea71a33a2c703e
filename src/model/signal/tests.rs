//! Bound models: in [`operators`], each operator with its slopes on every evaluator; in [`arranged`], whole models.

mod arranged;
mod operators;
