//! What a person should know that stops nothing: logged, or kept for who asked.

use std::sync::{Arc, Mutex, PoisonError};

/// Where remarks go. Clones share one place.
#[derive(Debug, Clone, Default)]
pub struct Remarks(Option<Arc<Mutex<Vec<String>>>>);

impl Remarks {
    /// A place that keeps them until they are [taken](Self::take); the default logs each as a warning.
    pub fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    /// Adds one.
    pub fn say(&self, text: impl Into<String>) {
        let text = text.into();
        match &self.0 {
            Some(kept) => kept.lock().unwrap_or_else(PoisonError::into_inner).push(text),
            None => tracing::warn!("{text}"),
        }
    }

    /// Takes out those that were kept, in the order in which they came.
    pub fn take(&self) -> Vec<String> {
        let kept =
            self.0.as_ref().map(|kept| std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner)));
        kept.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_what_is_kept_and_the_default_keeps_nothing() {
        let kept = Remarks::kept();
        kept.say("one");
        kept.clone().say("two");
        assert_eq!(kept.take(), ["one", "two"]);
        assert!(kept.take().is_empty());
        let logged = Remarks::default();
        logged.say("three");
        assert!(logged.take().is_empty());
    }
}
