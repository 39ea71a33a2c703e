//! `hepar maps`.

use hepar::model::MapModel;
use libtest_mimic::Failed;

use crate::support;

pub(crate) fn command_line() -> Result<(), Failed> {
    let list = support::hepar().args(["maps", "list"]).output()?;
    let list = String::from_utf8(list.stdout)?;
    for map in MapModel::all() {
        if !list.lines().any(|line| line.starts_with(&map.name)) {
            return Err(format!("`maps list` does not name {}", map.name).into());
        }
    }
    let says = |args: &[&str], status: i32, parts: &[&str]| -> Result<(), Failed> {
        let output = support::hepar().args(args).output()?;
        let text = String::from_utf8([output.stdout, output.stderr].concat())?;
        let missing = parts.iter().find(|part| !text.contains(**part));
        match (output.status.code() == Some(status), missing) {
            (true, None) => Ok(()),
            _ => Err(format!("{args:?}: {:?}, {missing:?} in {text}", output.status).into()),
        }
    };
    let formula = "(te2 - te1) / log(echo1 / echo2)";
    let guard = "echo1 - echo2 > 0, else NaN";
    let doi = "doi:10.1007/s00330-002-1366-6";
    says(
        &["maps", "show", "t2_two_echoes"],
        0,
        &[formula, "[ms]", guard, doi, "5 operations"],
    )?;
    says(
        &["maps", "show", "subtraction", "--wgsl"],
        0,
        &["fn main(", "let v2 = v0 - v1;"],
    )?;
    says(
        &["maps", "show", "substraction"],
        2,
        &["did you mean `subtraction`?"],
    )?;
    says(&["maps", "check", "no-such.toml"], 66, &["no-such.toml"])?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "schema = 1\ntitle = 3\n")?;
    let path = path.to_string_lossy();
    says(
        &["maps", "check", &path],
        65,
        &["mine.toml: line 2, column 9", "remedy"],
    )
}
