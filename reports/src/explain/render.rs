//! A trip's story in plain columns: the verdict first, then the timeline with times from the request.

use super::gather::Story;
use super::lines::{lines, relative};
use super::states::Part;
use super::verdict::verdict;
use crate::format;
use crate::terminal::table::{Table, Tone, left, right, wrap};
use crate::terminal::{Page, WIDTH};

/// Room for the indent, the time, and the blanks around whose line it is.
const MARGIN: usize = 2 + 10 + 2 + 2;

pub(super) fn render(story: &Story, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    for line in wrap(&verdict(story), WIDTH) {
        page.line(&Tone::Heading.paint(&line, colour));
    }
    let requested_s = format::seconds(story.requested_ns);
    let rider = story.rider.map_or(String::new(), |rider| format!(" by rider {rider}"));
    let run = &story.run;
    page.line(&Tone::Quiet.paint(
        &format!("{} · seed {} · requested at {}{rider}", run.scenario, run.seed, format::moment(requested_s)),
        colour,
    ));
    if let Some(why) = &run.stopped_by {
        page.line(&Tone::Bad.paint(&format!("the run was stopped by {why}: what follows is not all"), colour));
    }
    let lines = lines(story);
    let mut table = Table::default();
    let (from_ns, _) = story.span_ns();
    let mut heading = if lines.first().is_some_and(|line| line.at_s < format::seconds(from_ns)) {
        "How things stood"
    } else {
        Part::Asking.heading()
    };
    let mut begun = false;
    // Sections are tables of their own, and line up with each other all the same.
    let who_width = lines.iter().map(|line| line.who.chars().count()).max().unwrap_or(0);
    for line in &lines {
        if !begun && heading != Part::Asking.heading() && line.at_s >= format::seconds(from_ns) {
            flush(&mut page, heading, &mut table);
            (heading, begun) = (Part::Asking.heading(), true);
        }
        if let Some(part) = line.begins {
            flush(&mut page, heading, &mut table);
            (heading, begun) = (part.heading(), true);
        }
        let committed = if line.place.is_empty() { 0 } else { line.place.chars().count() + 2 };
        for (index, text) in wrap(&line.text, WIDTH - MARGIN - who_width - committed).into_iter().enumerate() {
            let first = |text: &str| if index == 0 { text.to_string() } else { String::new() };
            let who = format!("{:<who_width$}", first(&line.who));
            let (at, who) = (right(first(&relative(line.at_s - requested_s))), left(who).toned(Tone::Quiet));
            let mut cells = vec![at, who, left(text).toned(line.tone)];
            if committed > 0 {
                cells.push(left(first(&line.place)).toned(Tone::Quiet));
            }
            table.row(cells);
        }
    }
    flush(&mut page, heading, &mut table);
    page.line("");
    page.line("times count from the request; beside what was committed: node, epoch/position in its log");
    if story.calls.is_none() {
        page.line("with --calls: the calls between services too, from another run of the seed");
    }
    page.line(&run.reproduce);
    page.text
}

fn flush(page: &mut Page, heading: &str, table: &mut Table) {
    let rows = std::mem::take(table);
    let lines = rows.lines(page.colour);
    if !lines.is_empty() {
        page.heading(heading);
        lines.iter().for_each(|line| page.line(line));
    }
}
