//! Options of the form NAME=VALUE, which set something of one parameter or axis of a model.

use std::path::PathBuf;
use std::str::FromStr;

use crate::volume::{AxisSource, TableColumn};

/// A value for what bears a name, such as `D=1.1e-3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T> {
    /// The name of a parameter or an axis.
    pub name: String,
    /// In the unit that the model's file gives it.
    pub value: T,
}

/// `NAME=LOWEST:HIGHEST`
pub type NamedRange = Named<[f64; 2]>;

/// `NAME=VALUE` or `NAME=FILE`
pub type NamedMap = Named<NumberOrFile>;

/// `NAME=VALUE,VALUE,...` or `NAME=FILE`
pub type NamedAxis = Named<AxisSource>;

/// A number for all voxels, or an image with one for each.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberOrFile {
    /// The same for all.
    Number(f64),
    /// Where the image is.
    File(PathBuf),
}

impl<T> From<Named<T>> for (String, T) {
    fn from(named: Named<T>) -> Self {
        (named.name, named.value)
    }
}

/// What can stand behind the `=`.
pub trait Form: Sized {
    /// How it is written, for messages.
    const FORM: &'static str;
    /// Reads it; `None` if it is something else.
    fn read(text: &str) -> Option<Self>;
}

impl<T: Form> FromStr for Named<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let (name, value) = parts.filter(|(name, _)| !name.is_empty()).ok_or_else(|| format!("write {}", T::FORM))?;
        let value = T::read(value).ok_or_else(|| format!("{value:?} cannot be read: write {}", T::FORM))?;
        Ok(Self { name: name.into(), value })
    }
}

fn finite(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

impl Form for f64 {
    const FORM: &'static str = "NAME=VALUE, such as D=1.1e-3";

    fn read(text: &str) -> Option<Self> {
        finite(text)
    }
}

/// Infinite ends are allowed: some parameters have no limit.
impl Form for [f64; 2] {
    const FORM: &'static str = "NAME=LOWEST:HIGHEST, such as D=0:0.003";

    fn read(text: &str) -> Option<Self> {
        let (low, high) = text.split_once(':')?;
        let (low, high): (f64, f64) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        // Their order is for those to judge who know the parameter.
        (!low.is_nan() && !high.is_nan()).then_some([low, high])
    }
}

/// What begins like a list is meant as one.
impl Form for AxisSource {
    const FORM: &'static str = "NAME=VALUE,VALUE,..., NAME=FILE or NAME=FILE.tsv:COLUMN@ROW,ROW,..., such as \
                                te=1.1,2.3,3.5, te=te.txt or s1=hemoglobin.tsv:HbO2@750,800,850";

    fn read(text: &str) -> Option<Self> {
        if TableColumn::is_meant(text) {
            let (column, rows) = match text.rsplit_once('@') {
                Some((column, rows)) => (column, rows.split(',').map(finite).collect::<Option<_>>()?),
                None => (text, Vec::new()),
            };
            return Some(Self::Table { column: column.parse().ok()?, rows });
        }
        let mut words = text.split(',').map(str::trim);
        let is_list = words.next().is_some_and(|first| first.is_empty() || first.parse::<f64>().is_ok());
        match is_list {
            true => text.split(',').map(finite).collect::<Option<_>>().map(Self::List),
            false => Some(Self::File(text.into())),
        }
    }
}

impl Form for PathBuf {
    const FORM: &'static str = "NAME=FILE, such as b=b_scale.nii.gz";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

impl Form for NumberOrFile {
    const FORM: &'static str = "NAME=VALUE or NAME=FILE, such as D=1.1e-3 or D=D.nii.gz";

    fn read(text: &str) -> Option<Self> {
        match text.parse::<f64>() {
            Ok(value) => value.is_finite().then_some(Self::Number(value)),
            Err(_) => (!text.is_empty()).then(|| Self::File(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Form>(text: &str) -> Option<(String, T)> {
        text.parse().ok().map(|named: Named<T>| named.into())
    }

    fn named<T>(value: T) -> Option<(String, T)> {
        Some(("D".into(), value))
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(read("D=1.1e-3"), named(1.1e-3));
        assert_eq!(read(" D = -2 "), named(-2.0));
        assert_eq!(read("D=-1:4"), named([-1.0, 4.0]));
        assert_eq!(read("D=0 : inf"), named([0.0, f64::INFINITY]));
        assert_eq!(read("D=0, 50,800"), named(AxisSource::List(vec![0.0, 50.0, 800.0])));
        assert_eq!(read("D=3.71"), named(AxisSource::List(vec![3.71])));
        let column: TableColumn = "x.tsv:Hb".parse().unwrap();
        let table = |rows: &[f64]| named(AxisSource::Table { column: column.clone(), rows: rows.to_vec() });
        assert_eq!(read("D=x.tsv:Hb@750,800"), table(&[750.0, 800.0]));
        assert_eq!(read("D=x.tsv:Hb"), table(&[]));
        assert_eq!(read("D=a,b.txt"), named(AxisSource::File("a,b.txt".into())));
        assert_eq!(read("D=3"), named(NumberOrFile::Number(3.0)));
        assert_eq!(read("D=a=b.nii"), named(NumberOrFile::File("a=b.nii".into())));
    }

    #[test]
    fn what_is_of_another_form_is_refused_with_the_form() {
        for text in ["D", "=1", "D=", "D=x", "D=nan", "D=inf", "D=1,2", "D=1:2"] {
            let error = text.parse::<Named<f64>>().unwrap_err();
            assert!(error.contains("NAME=VALUE, such as D=1.1e-3"), "{error}");
        }
        for text in ["D=1", "D=nan:1", "D=1:x", "D=1:2:3", "D=:1"] {
            assert!(text.parse::<NamedRange>().unwrap_err().contains("LOWEST:HIGHEST"), "{text}");
        }
        for text in ["b=", "b=0,,1", "b=0,x", "b=0,inf", "b=x.tsv:", "b=x.tsv:a@", "b=x.tsv:a@1,y"] {
            assert!(text.parse::<NamedAxis>().is_err(), "{text}");
        }
        for text in ["D=", "D=nan", "D=inf"] {
            assert!(text.parse::<NamedMap>().is_err(), "{text}");
        }
    }
}
