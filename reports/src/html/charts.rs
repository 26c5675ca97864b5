//! The pictures: what broke, latency, success and saturation over one time axis, as SVG.
//!
//! Colours are those of the light style sheet; the dark one overrides them by their values, so both name the same set.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::format;
use crate::records::Tier;
use crate::report::Report;

/// Width and margins, pixels of the drawing: the same for every panel, so that their time axes coincide.
const WIDTH: u32 = 1_040;
const LEFT: u32 = 96;
const RIGHT: u32 = 28;
const ABOVE: u32 = 8;
const BELOW: u32 = 24;

/// Height of a row of the fault timeline, pixels.
const ROW: u32 = 24;

const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
const QUIET: RGBColor = RGBColor(0x66, 0x70, 0x7c);
const RULE: RGBColor = RGBColor(0xdf, 0xe3, 0xe8);
const BAD: RGBColor = RGBColor(0xc2, 0x36, 0x2b);
const WARN: RGBColor = RGBColor(0xc9, 0x71, 0x1a);

/// Colours of lines, in the order in which a legend names them.
const LINES: [RGBColor; 5] = [
    RGBColor(0x2f, 0x6d, 0xb5),
    RGBColor(0xc9, 0x71, 0x1b),
    RGBColor(0x7a, 0x4f, 0xb0),
    RGBColor(0x1d, 0x8a, 0x8a),
    RGBColor(0x8a, 0x84, 0x20),
];

/// The names of those colours in the style sheet.
pub(super) const LINE_NAMES: [&str; LINES.len()] = ["--one", "--two", "--three", "--four", "--five"];

/// A picture and what it takes to read it.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    /// Its lines, in the order of [`LINE_NAMES`].
    pub(super) legend: Vec<String>,
    pub(super) svg: String,
}

/// A line with gaps where there is nothing to show: (seconds, height from 0 to 1).
type Line = Vec<(f64, Option<f64>)>;

/// A row of the fault timeline: its name, its colour, and the spans to fill, in seconds.
type Row = (String, RGBColor, Vec<(f64, f64)>);

/// A height from 0 to 1 and its label.
type Tick = (f64, String);

/// The part of the run that panels show, seconds from the end of the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    from_s: f64,
    to_s: f64,
}

impl Span {
    /// All of it.
    pub(super) fn whole(report: &Report) -> Span {
        Span { from_s: 0.0, to_s: report.run.duration_s.max(1.0) }
    }

    /// The minutes in which a failover happens: in the whole run they are a few pixels wide.
    pub(super) fn around_onset(report: &Report) -> Option<Span> {
        let onset_s = report.outcome.disaster.as_ref()?.onset_s;
        let whole = Span::whole(report);
        let span = Span { from_s: (onset_s - 60.0).max(0.0), to_s: (onset_s + 540.0).min(whole.to_s) };
        (span.from_s < span.to_s).then_some(span)
    }

    fn holds(self, at_s: f64) -> bool {
        (self.from_s..=self.to_s).contains(&at_s)
    }

    /// The part of another span that is inside this one.
    fn part(self, from_s: f64, to_s: f64) -> Option<(f64, f64)> {
        let (from_s, to_s) = (from_s.max(self.from_s), to_s.min(self.to_s));
        (from_s < to_s).then_some((from_s, to_s))
    }
}

/// Every panel of a part of the run, from top to bottom.
pub(super) fn panels(report: &Report, span: Span) -> Vec<Panel> {
    let mut panels = Vec::new();
    panels.extend(timeline(report, span));
    panels.push(latency(report, span));
    panels.push(success(report, span));
    if !report.saturation.is_empty() {
        panels.push(saturation(report, span));
    }
    panels
}

fn timeline(report: &Report, span: Span) -> Option<Panel> {
    let mut rows: Vec<Row> = Vec::new();
    for fault in &report.faults {
        let until_s = fault.healed_s.unwrap_or(report.run.duration_s);
        rows.push((fault.target.chars().take(14).collect(), BAD, vec![(fault.onset_s, until_s)]));
    }
    for (tier, outcome) in &report.outcome.tiers {
        if !outcome.breaches.is_empty() {
            let spans = outcome.breaches.iter().map(|breach| (breach.from_s, breach.to_s)).collect();
            rows.push((tier.name().to_string(), WARN, spans));
        }
    }
    if rows.is_empty() {
        return None;
    }
    let share = 1.0 / rows.len() as f64;
    let ticks: Vec<Tick> =
        rows.iter().enumerate().map(|(index, row)| (1.0 - (index as f64 + 0.5) * share, row.0.clone())).collect();
    let marks = report.happenings.iter().filter(|happening| happening.mark.is_some()).map(|happening| happening.at_s);
    let marks = marks.filter(|&at_s| span.holds(at_s));
    let svg = draw(report, span, rows.len() as u32 * ROW, &ticks, |chart| {
        for ((middle, _), (_, colour, spans)) in ticks.iter().zip(&rows) {
            let bar = |(from_s, to_s): (f64, f64)| {
                Rectangle::new([(from_s, middle - 0.3 * share), (to_s, middle + 0.3 * share)], colour.filled())
            };
            chart.draw_series(spans.iter().filter_map(|&(from_s, to_s)| span.part(from_s, to_s)).map(bar))?;
        }
        chart.draw_series(
            marks.map(|at_s| PathElement::new(vec![(at_s, 0.0), (at_s, 1.0)], INK.mix(0.45).stroke_width(1))),
        )?;
        Ok(())
    });
    Some(Panel {
        title: "What was broken: faults, then service levels; thin lines are the recovery's steps".to_string(),
        legend: Vec::new(),
        svg,
    })
}

fn latency(report: &Report, span: Span) -> Panel {
    let values = || report.points.iter().filter_map(|point| point.latency_ms).flatten();
    let lowest_ms = values().fold(f64::INFINITY, f64::min).clamp(0.01, 1_000.0);
    let highest_ms = values().fold(lowest_ms, f64::max);
    let decades = (libm::floor(libm::log10(lowest_ms)), libm::ceil(libm::log10(highest_ms * 1.01)));
    let height = |ms: f64| (libm::log10(ms.max(0.001)) - decades.0) / (decades.1 - decades.0);
    let line = |index: usize| -> Line {
        report.points.iter().map(|point| (point.at_s, point.latency_ms.map(|all| height(all[index])))).collect()
    };
    let ticks: Vec<Tick> = (decades.0 as i32..=decades.1 as i32)
        .map(|decade| {
            let ms = libm::exp10(f64::from(decade));
            (height(ms), if ms < 1_000.0 { format!("{ms} ms") } else { format!("{} s", ms / 1_000.0) })
        })
        .collect();
    Panel {
        title: "Latency of all requests".to_string(),
        legend: ["p50", "p95", "p99"].map(String::from).to_vec(),
        svg: draw(report, span, 190, &ticks, |chart| plot(chart, span, &[line(0), line(1), line(2)])),
    }
}

fn success(report: &Report, span: Span) -> Panel {
    let tiers: Vec<Tier> = report.outcome.tiers.keys().copied().collect();
    let line = |tier: &Tier| -> Line {
        report.points.iter().map(|point| (point.at_s, point.success_ratio[*tier as usize])).collect()
    };
    let lines: Vec<Line> = tiers.iter().map(line).collect();
    Panel {
        title: "Success".to_string(),
        legend: tiers.iter().map(|tier| tier.name().to_string()).collect(),
        svg: draw(report, span, 120, &percentages(1.0), |chart| plot(chart, span, &lines)),
    }
}

fn saturation(report: &Report, span: Span) -> Panel {
    let fullest = &report.saturation[..report.saturation.len().min(LINES.len())];
    let highest = axis_end(fullest.iter().map(|one| one.peak).fold(0.0, f64::max));
    let lines: Vec<Line> = fullest
        .iter()
        .map(|one| one.shares.iter().map(|&(at_s, share)| (at_s, Some(share / highest))).collect())
        .collect();
    Panel {
        title: "Saturation of the fullest".to_string(),
        legend: fullest.iter().map(|one| format!("{} {}", one.component, one.resource)).collect(),
        svg: draw(report, span, 120, &percentages(highest), |chart| plot(chart, span, &lines)),
    }
}

/// A round share at which the axis ends: what is never fuller than 3 % is not drawn as a line along the bottom.
fn axis_end(peak: f64) -> f64 {
    [0.05, 0.1, 0.2, 0.5, 1.0].into_iter().find(|&end| peak <= end).unwrap_or(peak)
}

fn percentages(highest: f64) -> Vec<Tick> {
    let digits = usize::from(highest < 0.1);
    [0.0, 0.5, 1.0].map(|share| (share, format!("{:.digits$} %", share * highest * 100.0))).to_vec()
}

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// A panel whose contents are `height` pixels high, with time across and the faults shaded.
fn draw(
    report: &Report,
    span: Span,
    height: u32,
    ticks: &[Tick],
    contents: impl for<'a> FnOnce(&mut Chart<'a>) -> Drawn<'a>,
) -> String {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, ABOVE + height + BELOW)).into_drawing_area();
    draw_into(&area, report, span, height, ticks, contents).expect("a drawing into a string cannot fail");
    drop(area);
    svg
}

fn draw_into<'a>(
    area: &Area<'a>,
    report: &Report,
    span: Span,
    height: u32,
    ticks: &[Tick],
    contents: impl FnOnce(&mut Chart<'a>) -> Drawn<'a>,
) -> Drawn<'a> {
    let Span { from_s, to_s } = span;
    let mut chart = ChartBuilder::on(area)
        .margin_top(ABOVE)
        .margin_bottom(BELOW)
        .margin_left(LEFT)
        .margin_right(RIGHT)
        .build_cartesian_2d(from_s..to_s, 0.0..1.0)?;
    chart.draw_series(report.faults.iter().filter_map(|fault| {
        let (from_s, to_s) = span.part(fault.onset_s, fault.healed_s.unwrap_or(to_s))?;
        Some(Rectangle::new([(from_s, 0.0), (to_s, 1.0)], BAD.mix(0.08).filled()))
    }))?;
    let down = |share: f64| (ABOVE as f64 + (1.0 - share) * f64::from(height)) as i32;
    for (share, label) in ticks {
        chart.draw_series([PathElement::new(vec![(from_s, *share), (to_s, *share)], RULE.stroke_width(1))])?;
        area.draw(&Text::new(label.clone(), (LEFT as i32 - 10, down(*share)), words(HPos::Right, VPos::Center)))?;
    }
    let across =
        |at_s: f64| (f64::from(LEFT) + (at_s - from_s) / (to_s - from_s) * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let step_s = time_step_s(to_s - from_s);
    for index in (from_s / step_s).ceil() as u32..=(to_s / step_s) as u32 {
        let at_s = f64::from(index) * step_s;
        chart.draw_series([PathElement::new(vec![(at_s, 0.0), (at_s, 1.0)], RULE.stroke_width(1))])?;
        let below = down(0.0) + 6;
        area.draw(&Text::new(format::clock(at_s), (across(at_s), below), words(HPos::Center, VPos::Top)))?;
    }
    contents(&mut chart)
}

/// A round step that gives at most ten labels.
fn time_step_s(length_s: f64) -> f64 {
    let round = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0];
    round.into_iter().find(|step_s| length_s / step_s <= 10.0).unwrap_or(86_400.0 * (length_s / 864_000.0).ceil())
}

fn words(across: HPos, down: VPos) -> TextStyle<'static> {
    ("sans-serif", 13).into_font().color(&QUIET).pos(Pos::new(across, down))
}

fn plot<'a>(chart: &mut Chart<'a>, span: Span, lines: &[Line]) -> Drawn<'a> {
    // The first line of a legend is drawn last, above the others.
    for (line, colour) in lines.iter().zip(LINES).rev() {
        for run in line.split(|(_, height)| height.is_none()) {
            let seen = run.iter().filter(|&&(at_s, _)| span.holds(at_s));
            let points: Vec<(f64, f64)> =
                seen.filter_map(|&(at_s, height)| Some((at_s, height?.clamp(0.0, 1.0)))).collect();
            chart.draw_series([PathElement::new(points, colour.stroke_width(2))])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn every_panel_has_a_colour_for_each_line_and_every_colour_is_in_the_style_sheet() {
        let style = include_str!("style.css");
        let report = fixture::outage();
        for panel in panels(&report, Span::whole(&report)) {
            assert!(panel.legend.len() <= LINES.len(), "{}", panel.title);
            for attribute in ["fill=\"", "stroke=\""] {
                for colour in
                    panel.svg.split(attribute).skip(1).map(|rest| &rest[..7]).filter(|colour| colour.starts_with('#'))
                {
                    let rule = format!("[{attribute}{colour}\"]");
                    assert!(style.contains(&rule), "{}: no dark colour for {rule}", panel.title);
                }
            }
        }
    }

    #[test]
    fn a_quiet_run_has_no_fault_timeline_and_an_outage_has() {
        let (quiet, outage) = (fixture::quiet(), fixture::outage());
        let is_timeline = |panel: &Panel| panel.title.starts_with("What was broken");
        assert!(!panels(&quiet, Span::whole(&quiet)).iter().any(is_timeline));
        assert!(is_timeline(&panels(&outage, Span::whole(&outage))[0]));
        assert_eq!(Span::around_onset(&quiet), None);
        assert_eq!(Span::around_onset(&outage), Some(Span { from_s: 1_140.0, to_s: 1_740.0 }));
    }

    #[test]
    fn nothing_outside_the_span_is_pressed_against_its_edges() {
        let report = fixture::outage();
        let span = Span::around_onset(&report).expect("there is a disaster");
        for panel in panels(&report, span) {
            for points in panel.svg.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                // Ten minutes in ten-second steps, both ends included.
                assert!(points.split_whitespace().count() <= 61, "{}: {points}", panel.title);
            }
        }
    }

    #[test]
    fn the_axis_of_saturation_ends_at_a_round_share_above_the_fullest() {
        assert_eq!([0.0, 0.03, 0.3, 0.99, 1.4].map(axis_end), [0.05, 0.05, 0.5, 1.0, 1.4]);
        let mut report = fixture::outage();
        report.saturation.truncate(1);
        report.saturation[0].peak = 0.04;
        let panels = panels(&report, Span::whole(&report));
        let labels = &panels.last().expect("saturation is the last").svg;
        assert!(labels.contains("5.0 %") && !labels.contains("100 %"), "{labels}");
    }

    #[test]
    fn time_is_labelled_at_round_steps() {
        assert_eq!(time_step_s(5_400.0), 600.0);
        assert_eq!(time_step_s(60.0), 10.0);
        assert_eq!(time_step_s(86_400.0), 14_400.0);
    }
}
