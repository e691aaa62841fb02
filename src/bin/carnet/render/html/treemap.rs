//! A squarified treemap (Bruls, Huizing, van Wijk, 2000): areas in proportion to numbers, as square as can be. All in
//! integers, so that every machine draws the same picture.

/// A rectangle of the picture, in thousandths of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
}

/// Divides an area among weights, which must be sorted with the largest first. A weight of 0 gets an empty area.
pub(super) fn squarified(area: Area, weights: &[u64]) -> Vec<Area> {
    let mut out = Vec::with_capacity(weights.len());
    let mut free = area;
    let mut rest = weights;
    let mut sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    while !rest.is_empty() {
        let row = row_length(free, rest, sum);
        let (these, others) = rest.split_at(row.clamp(1, rest.len()));
        let row_sum: u128 = these.iter().map(|&weight| u128::from(weight)).sum();
        let wide = free.width >= free.height;
        let (long, short) = if wide { (free.width, free.height) } else { (free.height, free.width) };
        let depth = if others.is_empty() { long } else { share(long, row_sum, sum) };
        let mut along = 0;
        let mut left = row_sum;
        for &weight in these {
            let length = share(short - along, u128::from(weight), left);
            out.push(if wide {
                Area { x: free.x, y: free.y + along, width: depth, height: length }
            } else {
                Area { x: free.x + along, y: free.y, width: length, height: depth }
            });
            along += length;
            left -= u128::from(weight);
        }
        if wide {
            free = Area { x: free.x + depth, width: free.width - depth, ..free };
        } else {
            free = Area { y: free.y + depth, height: free.height - depth, ..free };
        }
        sum -= row_sum;
        rest = others;
    }
    out
}

/// How many of the first weights make the row with the squarest rectangles, along the shorter side.
fn row_length(free: Area, weights: &[u64], sum: u128) -> usize {
    let (long, short) = (free.width.max(free.height), free.width.min(free.height));
    let mut best = None;
    let mut row_sum = 0_u128;
    let first = weights.first().copied().unwrap_or(0);
    for (at, &weight) in weights.iter().enumerate() {
        row_sum += u128::from(weight);
        let depth = share(long, row_sum, sum);
        // The worst is the first, which is the largest, or the last, which is the smallest.
        let worst = [first, weight].map(|weight| {
            let length = share(short, u128::from(weight), row_sum);
            let (a, b) = (u128::from(length.max(1)), u128::from(depth.max(1)));
            a.max(b) * 1_000 / a.min(b)
        });
        let worst = worst.into_iter().max().unwrap_or(0);
        match best {
            Some(before) if worst > before => return at,
            _ => best = Some(worst),
        }
    }
    weights.len()
}

/// `length` × `part` / `whole`.
fn share(length: u64, part: u128, whole: u128) -> u64 {
    match whole {
        0 => 0,
        _ => u64::try_from(u128::from(length) * part / whole).unwrap_or(length).min(length),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AREA: Area = Area { x: 0, y: 0, width: 960_000, height: 320_000 };

    #[test]
    fn areas_follow_the_weights() {
        let areas = squarified(AREA, &[6, 6, 4, 3, 2, 2, 1]);
        assert_eq!(areas.len(), 7);
        let all = u128::from(AREA.width) * u128::from(AREA.height);
        for (area, weight) in areas.iter().zip([6_u128, 6, 4, 3, 2, 2, 1]) {
            let found = u128::from(area.width) * u128::from(area.height) * 24;
            assert!(found.abs_diff(all * weight) < all / 100, "{area:?} for {weight}");
            assert!(area.width.max(area.height) < 4 * area.width.min(area.height), "{area:?} is long");
        }
    }

    proptest! {
        #[test]
        fn areas_stay_inside(mut weights in proptest::collection::vec(0_u64.., 0..40)) {
            weights.sort_unstable_by(|a, b| b.cmp(a));
            let areas = squarified(AREA, &weights);
            prop_assert_eq!(areas.len(), weights.len());
            for area in areas {
                prop_assert!(area.x + area.width <= AREA.width && area.y + area.height <= AREA.height);
            }
        }
    }
}
