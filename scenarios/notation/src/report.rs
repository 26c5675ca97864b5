//! Collects problems while files are read, and turns byte ranges into lines and columns at the end.

use crate::place::{FileId, Place};
use crate::{Problem, Problems};

/// The files of one load and what is wrong with them.
#[derive(Debug, Default)]
pub struct Report {
    files: Vec<(String, String)>,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    place: Option<Place>,
    file: FileId,
    message: String,
    suggestion: Option<String>,
}

impl Report {
    /// Registers a file's name and text.
    pub fn open(&mut self, name: &str, text: &str) -> FileId {
        self.files.push((name.to_owned(), text.to_owned()));
        FileId(self.files.len() - 1)
    }

    /// Notes a mistake at a place.
    pub fn problem(&mut self, place: &Place, message: String, suggestion: Option<String>) {
        self.found.push(Found { file: place.file, place: Some(place.clone()), message, suggestion });
    }

    /// Notes that a file as a whole is unusable.
    pub fn file_problem(&mut self, file: FileId, message: String, suggestion: Option<String>) {
        self.found.push(Found { file, place: None, message, suggestion });
    }

    /// True as long as nothing wrong was found.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// All problems in the order of files and lines.
    pub fn into_problems(mut self) -> Problems {
        self.found.sort_by_key(|found| (found.file, found.place.as_ref().map(|place| place.span.start)));
        Problems(self.found.iter().map(|found| self.locate(found)).collect())
    }

    fn locate(&self, found: &Found) -> Problem {
        let (file, text) = &self.files[found.file.0];
        let mut problem = Problem {
            file: file.clone(),
            line: 0,
            column: 0,
            message: found.message.clone(),
            suggestion: found.suggestion.clone(),
            line_text: String::new(),
            width: 0,
        };
        if let Some(place) = &found.place {
            let start = floor_char(text, place.span.start);
            let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
            let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
            let end = floor_char(text, place.span.end).clamp(start, line_end);
            problem.line = text[..line_start].matches('\n').count() + 1;
            problem.column = text[line_start..start].chars().count() + 1;
            problem.width = text[start..end].chars().count();
            // A tab would put the caret in the wrong column.
            problem.line_text = text[line_start..line_end].trim_end_matches('\r').replace('\t', " ");
        }
        problem
    }
}

/// The nearest character boundary at or before a byte offset.
fn floor_char(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_within_a_character_or_beyond_the_end_still_has_a_column() {
        let mut report = Report::default();
        let file = report.open("file.toml", "a = 1\nname = \"é\"");
        for span in [15..16, 90..99] {
            report.problem(&Place { file, span }, "wrong".to_owned(), None);
        }
        let Problems(problems) = report.into_problems();
        let places: Vec<(usize, usize)> = problems.iter().map(|problem| (problem.line, problem.column)).collect();
        assert_eq!(places, [(2, 9), (2, 11)]);
    }
}
