//! Aligned tables without borders.

use super::plain::plain;
use super::width::width;

/// An aligned table. The columns in `right` are aligned to the right, for numbers.
pub(crate) fn table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut lines = vec![header.iter().map(|&cell| cell.to_owned()).collect::<Vec<String>>()];
    lines.extend(rows.into_iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect()));
    let width_of = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let fill = " ".repeat(widths[column] - width(cell));
            text +=
                &if right.contains(&column) { format!(" {fill}{cell} ") } else { format!(" {cell}{fill} ") };
        }
        out += &format!(" {}\n", text.trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1"], ["日本", "200"], ["x\n", "30"]].map(|row| row.map(str::to_owned).to_vec());
        let expected = "  name  bytes\n  a         1\n  日本    200\n  x\\n      30\n";
        assert_eq!(table(&["name", "bytes"], &[1], rows.to_vec()), expected);
        assert_eq!(table(&["name", "bytes"], &[], Vec::new()), "  name  bytes\n");
    }
}
