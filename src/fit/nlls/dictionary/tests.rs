use crate::device::Precision;
use crate::fit::nlls::{Effort, NllsOptions, Problem};
use crate::model::SignalModel;

fn problem(model: &str) -> Problem {
    let b = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];
    let model = SignalModel::builtin(model).unwrap();
    let axes: Vec<Vec<f64>> = model
        .axes
        .iter()
        .map(|axis| if axis.name == "b" { b.to_vec() } else { (1..11).map(f64::from).collect() })
        .collect();
    Problem::new(model, &axes, &NllsOptions::default()).unwrap()
}

#[test]
fn a_pass_is_what_lies_on_both_sides_of_the_cut() {
    let problem = problem("ivim");
    let dictionary = problem.dictionary(&Effort::of(Precision::F32));
    let pass = dictionary.pass.expect("IVIM's D* is cut in two");
    let value = |node: &super::Node| node.parameters[pass.parameter];
    let [below, above] = [&dictionary.nodes[..pass.nodes.start], &dictionary.nodes[pass.nodes.end..]];
    let on_it: Vec<f64> = dictionary.nodes[pass.nodes.clone()].iter().map(value).collect();
    let [lowest, highest] = [on_it[0], on_it[on_it.len() - 1]];
    assert!(lowest < highest && on_it.iter().all(|v| [lowest, highest].contains(v)), "{on_it:?}");
    assert!(below.iter().all(|node| value(node) < lowest) && above.iter().all(|node| value(node) > highest));
    assert!(dictionary.zones[0].contains(&pass.nodes.start) && dictionary.zones[1].contains(&(pass.nodes.end - 1)));
    let [low, high] = pass.inside;
    assert_eq!(dictionary.nodes.iter().filter(|node| value(node) < low).count(), 10, "one value of D*, ten of D");
    assert_eq!(dictionary.nodes.iter().filter(|node| value(node) > high).count(), 10);
}

#[test]
fn there_is_no_pass_where_minima_are_many() {
    // Its file asks for places; zones of two parameters; more than two zones.
    for (model, precision) in
        [("fat_water", Precision::F32), ("triexponential", Precision::F32), ("ivim", Precision::F64)]
    {
        assert_eq!(problem(model).dictionary(&Effort::of(precision)).pass, None, "{model}");
    }
}

#[test]
fn mixtures_share_their_directions() {
    let dictionary = problem("ivim").dictionary(&Effort::of(Precision::F32));
    assert_eq!((dictionary.nodes.len(), dictionary.directions.len()), (100, 20));
    for node in &dictionary.nodes {
        let [a, b] = node.directions.map(|place| &dictionary.directions[place]);
        let cos: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        assert!((cos - node.angle[0]).abs() < 1e-12, "{cos} and {:?}", node.angle);
    }
}
