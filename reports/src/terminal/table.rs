//! Columns of plain text that line up, with or without colour.

/// How a text is meant, and shown where there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Heading,
    /// Beside the point.
    Quiet,
    /// As it should be.
    Good,
    /// As it should not be.
    Bad,
}

impl Tone {
    /// The text in this tone: SGR escapes (ECMA-48) around it when there is colour.
    pub fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Tone::Plain => return text.to_string(),
            Tone::Heading => "1",
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        if colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

/// A text, to the left of its column.
pub fn left(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone: Tone::Plain, right: false }
}

/// A number, to the right of its column.
pub fn right(text: impl Into<String>) -> Cell {
    Cell { right: true, ..left(text) }
}

impl Cell {
    /// The same in another tone.
    pub fn toned(self, tone: Tone) -> Cell {
        Cell { tone, ..self }
    }
}

/// Rows whose cells line up; a row may be shorter than others.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table's lines, indented by two; no line ends in blanks.
    pub fn lines(&self, colour: bool) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |index: usize| {
            let wide = |row: &Vec<Cell>| row.get(index).map_or(0, |cell| cell.text.chars().count());
            // The last cell of a row may be as long as it likes without pushing others away.
            self.rows.iter().filter(|row| index + 1 < row.len() || row.len() == columns).map(wide).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.rows.iter().map(|row| line(row, &widths, colour)).collect()
    }
}

fn line(row: &[Cell], widths: &[usize], colour: bool) -> String {
    let mut line = String::from("  ");
    let mut owed = 0;
    for (index, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let blanks = width.saturating_sub(cell.text.chars().count());
        let before = owed + if cell.right { blanks } else { 0 } + if index > 0 { 2 } else { 0 };
        owed = if cell.right { 0 } else { blanks };
        if cell.text.is_empty() {
            owed += before;
            continue;
        }
        line.extend(std::iter::repeat_n(' ', before));
        line.push_str(&cell.tone.paint(&cell.text, colour));
    }
    line
}

/// Breaks a text into lines of at most `width` characters, at blanks; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_and_without_colour() {
        let mut table = Table::default();
        table.row([left("tier"), right("RTO"), left("why")]);
        table.row([left("critical"), right("1 m").toned(Tone::Bad), left("")]);
        assert_eq!(table.lines(false), ["  tier      RTO  why", "  critical  1 m"]);
        assert_eq!(table.lines(true)[1], "  critical  \u{1b}[31m1 m\u{1b}[0m");
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("a bb ccc dddd", 6), ["a bb", "ccc", "dddd"]);
        assert_eq!(wrap("", 6), Vec::<String>::new());
    }
}
