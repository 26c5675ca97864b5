//! A run's report in plain columns, at most 100 wide but for long names; the reproducing line comes last.

mod sections;
pub mod table;

pub(crate) use self::sections::oracle_row;
use self::table::Tone;
use crate::report::Report;

/// The width that text is broken at.
pub const WIDTH: usize = 100;

/// The whole report. `colour` adds escapes for a terminal and changes nothing else.
pub fn render(report: &Report, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    sections::header(&mut page, report);
    sections::placement(&mut page, report);
    sections::happenings(&mut page, report);
    sections::recovery(&mut page, report);
    sections::stores(&mut page, report);
    sections::latency(&mut page, report);
    sections::requests(&mut page, report);
    sections::objectives(&mut page, report);
    sections::oracles(&mut page, report);
    sections::pending(&mut page, report);
    sections::not_modelled(&mut page, report);
    sections::footer(&mut page, report);
    page.text
}

/// The text so far.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) colour: bool,
}

impl Page {
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.text.push('\n');
        let painted = Tone::Heading.paint(heading, self.colour);
        self.line(&painted);
    }

    pub(crate) fn table(&mut self, table: &table::Table) {
        for line in table.lines(self.colour) {
            self.line(&line);
        }
    }

    /// A paragraph with a hanging sign.
    pub(crate) fn item(&mut self, sign: &str, text: &str) {
        for (index, line) in table::wrap(text, WIDTH - 4).iter().enumerate() {
            self.line(&format!("  {} {line}", if index == 0 { sign } else { " " }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn an_outage_reads_well() {
        insta::assert_snapshot!("outage", render(&fixture::outage(), false));
    }

    #[test]
    fn an_incomplete_run_with_losses_and_a_broken_oracle_reads_well() {
        insta::assert_snapshot!("broken", render(&fixture::broken(), false));
    }

    #[test]
    fn a_quiet_run_reads_well() {
        insta::assert_snapshot!("quiet", render(&fixture::quiet(), false));
    }

    #[test]
    fn the_reproducing_line_is_the_last_line() {
        let report = fixture::outage();
        assert_eq!(render(&report, false).lines().last(), Some(report.run.reproduce.as_str()));
    }

    #[test]
    fn colour_adds_escapes_and_nothing_else() {
        let report = fixture::broken();
        let coloured = render(&report, true);
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = after.split_once('m').expect("an escape ends in m").1;
        }
        plain.push_str(rest);
        assert_eq!(plain, render(&report, false));
        assert!(coloured.len() > plain.len());
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for report in [fixture::outage(), fixture::broken(), fixture::quiet()] {
            let text = render(&report, false);
            let wide: Vec<&str> =
                text.lines().filter(|line| line.chars().count() > WIDTH && *line != report.run.reproduce).collect();
            assert!(wide.is_empty(), "{wide:#?}");
        }
    }
}
