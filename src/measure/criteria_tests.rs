use super::*;
use crate::enhance::Role;
use crate::model::{MapModel, SignalModel};

/// What would make a class of a value, were it said of the value and not of the people examined.
const CLASSES: [&str; 6] = ["malignan", "benign", "cancer", "carcinoma", "tumour", "diagnos"];

fn names_a_class(text: &str) -> bool {
    let text = text.to_lowercase();
    CLASSES.iter().any(|class| text.contains(class))
}

#[test]
fn every_file_is_read_and_cites() {
    let n_files = FILES.files().filter(|file| is_criteria(file.path())).count();
    assert_eq!(n_files, 4);
    assert!(Criterion::all().len() >= 15);
    for criterion in Criterion::all() {
        assert!(criterion.source.len() > 15, "{criterion:?}");
        let cites_a_year = criterion.source.split(|c: char| !c.is_numeric()).any(|n| n.len() == 4);
        assert!(cites_a_year || criterion.checked == Checked::No, "{criterion:?}");
        for phase in criterion.phases.iter().flatten() {
            assert!(Role::ALL.iter().any(|role| role.name() == phase), "{phase}");
        }
    }
}

#[test]
fn classes_are_named_of_the_population_alone() {
    for criterion in Criterion::all() {
        let Criterion { population, source, .. } = criterion;
        let rest = criterion.text().replace(population, "").replace(source, "");
        assert!(!names_a_class(&rest), "{rest}");
        assert!(rest.starts_with("published "), "{rest}");
    }
    assert!(names_a_class("those below are Malignant"), "the words are found where they stand");
    assert!(Criterion::all().iter().any(|c| names_a_class(&c.population)));
}

/// A name that no map or parameter bears would never be shown; PDFF is meant not to be.
#[test]
fn quantities_are_those_that_hepar_computes() {
    let maps = MapModel::all().iter().map(|map| map.name.as_str());
    let models = SignalModel::all().iter();
    let parameters = models
        .flat_map(|m| m.parameters.iter().map(|p| p.name.as_str()).chain(m.derived.iter().map(|d| d.name.as_str())));
    let known: Vec<&str> = maps.chain(parameters).chain(["HU", "PDFF"]).collect();
    for criterion in Criterion::all() {
        for quantity in &criterion.quantity {
            assert!(known.contains(&quantity.as_str()), "{quantity}");
        }
    }
}

#[test]
fn only_what_applies_is_shown() {
    let of = |quantity, modality, field, phase| applicable(quantity, modality, field, phase).len();
    assert_eq!(of("ADC", Modality::Mr, None, None), 4);
    assert_eq!(of("ADC", Modality::Ct, None, None), 0);
    let ratio = |modality, phase| of("liver_to_lesion_ratio", modality, Some(1.5), phase);
    assert_eq!([ratio(Modality::Ct, Some("delayed")), ratio(Modality::Mr, Some("equilibrium"))], [1, 1]);
    assert_eq!([ratio(Modality::Ct, Some("portal")), ratio(Modality::Mr, None)], [0, 0]);
    let iron = |field| of("R2star", Modality::Mr, field, None);
    assert_eq!([iron(Some(1.5)), iron(Some(1.494)), iron(Some(3.0)), iron(None)], [2, 2, 0, 0]);
    // Steatosis is defined by the proton density fat fraction.
    for quantity in ["signal_fat_fraction", "dixon_fat_fraction"] {
        assert_eq!(of(quantity, Modality::Mr, Some(1.5), None), 0);
    }
}

#[test]
fn the_text_says_what_for_whom_how_and_by_whom() {
    let adc = applicable("ADC", Modality::Mr, None, None)[0].text();
    assert_eq!(
        adc,
        "published cut-off: below 0.001066 mm²/s (388 non-cystic focal lesions, 195 benign and 193 malignant; those \
         below the cut-off were called malignant; b 50, 400, 800 s/mm²; mean ADC without necrotic parts; sensitivity \
         73.6 %, specificity 86.6 %; Mungai 2014, Medicine 93:e40, doi:10.1097/MD.0000000000000040)"
    );
    let t2: Vec<String> = applicable("t2_two_echoes", Modality::Mr, Some(1.5), None).iter().map(|c| c.text()).collect();
    assert!(t2[0].starts_with("published cut-off: 67 to 116 ms ("), "{}", t2[0]);
    assert!(t2[1].starts_with("published value: 54 ± 8 ms ("), "{}", t2[1]);
    let iron = applicable("R2star", Modality::Mr, Some(1.5), None)[0].text();
    assert!(iron.starts_with("published calibration: 0.0254*R2star + 0.202 mg/g ("), "{iron}");
    assert!(iron.ends_with("; not checked against the source)"), "{iron}");
}

#[test]
fn a_file_that_contradicts_itself_is_refused_and_named() {
    let good = "schema = 1\n[[criterion]]\nquantity = [\"ADC\"]\nkind = \"cut_off\"\nvalue = 1.0\ndirection = \"below\"\n\
                unit = \"mm²/s\"\nmodality = \"MR\"\npopulation = \"p\"\nprotocol = \"q\"\nsource = \"s\"\nchecked = \"no\"\n";
    let parse = |text: &str| Criterion::parse(text, Path::new("mine.toml"));
    assert_eq!(parse(good).unwrap().len(), 1);
    for (from, to, says) in [
        ("value = 1.0", "formula = \"2*ADC\"", "only a calibration has a formula"),
        ("value = 1.0\n", "", "either a value or a formula"),
        ("value = 1.0", "value = [2, 1]", "ends before it begins"),
        ("\"below\"", "\"within\"", "needs two values"),
        ("direction = \"below\"\n", "", "has a direction"),
        ("\"cut_off\"", "\"reference_value\"", "has a direction"),
        ("\"p\"", "\" \"", "must say something"),
        ("schema = 1", "schema = 2", "schema 2"),
        ("kind = \"cut_off\"", "kind = \"class\"", "class"),
        ("source = \"s\"", "sauce = \"s\"", "sauce"),
        ("checked = \"no\"\n", "", "checked"),
    ] {
        let error = parse(&good.replace(from, to)).unwrap_err();
        assert_eq!(error.exit_status(), 65);
        let said = error.to_string();
        assert!(said.contains(says) && said.contains("mine.toml"), "{to}: {said}");
    }
}
