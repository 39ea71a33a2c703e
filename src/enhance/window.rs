//! When each phase is expected, in seconds after injection: `data/criteria/phase_windows.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Agent, Role};
use crate::measure::criteria::Checked;

/// The seconds after injection in which a phase is expected.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The phase.
    pub role: Role,
    /// The agents that it holds for.
    pub agents: Vec<Agent>,
    /// First and last second, both inside.
    pub window_s: [f64; 2],
    /// Who says so.
    pub source: String,
    /// How the number was checked.
    pub checked: Checked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: u32,
    window: Vec<Window>,
}

impl Window {
    /// All windows.
    #[expect(clippy::panic, reason = "a test reads the embedded file, so a build that passed cannot come here")]
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Window>> = LazyLock::new(|| {
            let text = include_str!("../../data/criteria/phase_windows.toml");
            toml::from_str::<File>(text).unwrap_or_else(|error| panic!("phase_windows.toml: {error}")).window
        });
        &ALL
    }

    /// The window of a phase with an agent, if there is one: none before contrast, nor for a phase that does not go with
    /// the agent.
    pub fn of(agent: Agent, role: Role) -> Option<&'static Self> {
        Self::all().iter().find(|window| window.role == role && window.agents.contains(&agent))
    }

    fn contains(&self, seconds: f64) -> bool {
        (self.window_s[0]..=self.window_s[1]).contains(&seconds)
    }
}

/// What a person should know of a phase's time: `None` inside its window, and where there is no window.
pub fn check_time(agent: Agent, role: Role, seconds: f64) -> Option<String> {
    let window = Window::of(agent, role).filter(|window| !window.contains(seconds))?;
    let [from, to] = window.window_s;
    Some(format!("{role} at {seconds} s lies outside {from} to {to} s ({}{})", window.source, window.checked.remark()))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn windows_do_not_overlap_and_follow_each_other() {
        for &agent in Agent::value_variants() {
            let of_agent = |role: &Role| Window::of(agent, *role);
            let windows: Vec<&Window> = Role::ALL.iter().filter_map(of_agent).collect();
            assert!(windows.len() >= 5, "{agent:?}");
            for window in &windows {
                assert!(window.window_s[0] < window.window_s[1] && !window.source.is_empty(), "{window:?}");
            }
            for pair in windows.windows(2) {
                assert!(pair[0].window_s[1] <= pair[1].window_s[0], "{pair:?}");
            }
            let twice =
                |w: &Window| Window::all().iter().filter(|o| o.role == w.role && o.agents.contains(&agent)).count();
            assert!(windows.iter().all(|w| twice(w) == 1), "{agent:?}");
        }
    }

    #[test]
    fn a_time_outside_is_named_with_window_and_source() {
        let said = check_time(Agent::Extracellular, Role::Arterial, 52.0).unwrap();
        assert!(said.starts_with("arterial at 52 s lies outside 30 to 35 s (guidance"), "{said}");
        assert!(said.contains("not checked"), "{said}");
        for (agent, role, seconds, outside) in [
            (Agent::Extracellular, Role::Arterial, 30.0, false),
            (Agent::Extracellular, Role::Arterial, 35.0, false),
            (Agent::Extracellular, Role::Arterial, 35.5, true),
            (Agent::Gadoxetate, Role::Hepatobiliary, 1200.0, false),
            (Agent::Gadobenate, Role::Hepatobiliary, 1200.0, true),
            (Agent::Gadoxetate, Role::Transitional, 60.0, true),
            (Agent::Iodinated, Role::Portal, 68.0, false),
            (Agent::Iodinated, Role::Hepatobiliary, 5.0, false),
            (Agent::Extracellular, Role::Unenhanced, -30.0, false),
        ] {
            assert_eq!(check_time(agent, role, seconds).is_some(), outside, "{agent:?} {role} {seconds}");
        }
    }
}
