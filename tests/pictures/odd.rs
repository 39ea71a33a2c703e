//! Maps that nobody would think of are drawn, or refused.

use hepar::report::{ColourKind, Montage};
use hepar::volume::Grid;

use super::{grid, montage, picture};

pub fn odd_maps() {
    let kinds = [
        ColourKind::Sequential,
        ColourKind::Diverging,
        ColourKind::Grey,
        ColourKind::Categorical,
    ];
    let far = [
        f32::MAX,
        f32::MIN,
        1e-38,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let singular = Grid {
        shape: [3, 2, 1],
        affine: [[0.0; 4]; 4],
    };
    for kind in kinds {
        for (grid, values) in [
            (grid([1, 1, 1]), vec![3.0]),
            (grid([1, 1, 1]), vec![f32::NAN]),
            (grid([5, 4, 3]), vec![f32::NAN; 60]),
            (grid([5, 4, 3]), vec![0.0; 60]),
            (grid([5, 4, 3]), vec![-2.5; 60]),
            (grid([3, 2, 1]), far.to_vec()),
            (singular.clone(), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            (grid([1, 900, 1]), vec![1.0; 900]),
            (grid([900, 1, 70]), (0..63_000).map(|n| n as f32).collect()),
        ] {
            let odd = Montage {
                title: "",
                unit: "",
                range: None,
                kind,
                ..montage(&grid, &values)
            };
            let shown = picture(&odd);
            assert!(
                shown.width() > 400 && shown.height() > 200,
                "{kind:?} {:?}",
                grid.shape
            );
        }
    }
    let long = "a title that is longer than the picture ".repeat(9);
    for title in [&long, "肝 \u{1f600}", " "] {
        let (grid, values) = (grid([1, 1, 1]), [3.0]);
        let shown = picture(&Montage {
            title,
            ..montage(&grid, &values)
        });
        assert!(shown.width() < 1500, "{title}");
    }
}

pub fn impossible_maps() {
    let grid = grid([4, 3, 2]);
    let fits = vec![0.5; 24];
    assert!(montage(&grid, &fits).to_png().is_ok());
    assert!(montage(&grid, &fits[1..]).to_png().is_err());
    for range in [
        (1.0, 1.0),
        (2.0, 1.0),
        (f32::NAN, 1.0),
        (0.0, f32::INFINITY),
    ] {
        let range = Some(range);
        assert!(
            Montage {
                range,
                ..montage(&grid, &fits)
            }
            .to_png()
            .is_err(),
            "{range:?}"
        );
    }
}
