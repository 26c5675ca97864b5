//! Where blueprints and cities are found: in the directory called `scenarios` around a scenario's file, or at an explicit path.

use std::path::{Path, PathBuf};

use notation::name;

/// What a name in a scenario stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// `blueprints/`
    Blueprints,
    /// `cities/`
    Cities,
}

impl Shelf {
    fn directory(self) -> &'static str {
        match self {
            Shelf::Blueprints => "blueprints",
            Shelf::Cities => "cities",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Shelf::Blueprints => "blueprint",
            Shelf::Cities => "city",
        }
    }
}

/// The places where a scenario's blueprint, city and trips are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Explicit paths are relative to this directory: the scenario's.
    base: PathBuf,
    /// The directory called `scenarios`, if there is one around the base.
    root: Option<PathBuf>,
}

impl Library {
    /// The library for a scenario in this directory: upward from it to the nearest directory called `scenarios`.
    pub fn around(base: &Path) -> Library {
        let root =
            |directory: &Path| directory.ancestors().find(|around| around.ends_with("scenarios")).map(Path::to_owned);
        // A relative path stays relative in messages; only when it does not tell where it is, the working directory does.
        let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
        let root = root(base).or_else(|| root(&std::path::absolute(base).ok()?));
        Library { base: base.to_owned(), root }
    }

    /// Whether a name means the same file in both, so that a scenario of the one may be written into the other.
    pub fn shares_root_with(&self, other: &Library) -> bool {
        let root = |library: &Library| std::path::absolute(library.root.as_ref()?).ok();
        root(self).is_some() && root(self) == root(other)
    }

    /// An explicit path, relative to the scenario's directory unless absolute.
    pub fn path(&self, written: &str) -> PathBuf {
        self.base.join(written)
    }

    /// The file of a blueprint or city. The error is a message and what would be right.
    pub fn find(&self, shelf: Shelf, written: &str) -> Result<PathBuf, (String, Option<String>)> {
        let noun = shelf.noun();
        if written.ends_with(".toml") {
            let path = self.path(written);
            let missing = || (format!("there is no {noun} file {}", path.display()), similar_file(&path));
            return if path.is_file() { Ok(path) } else { Err(missing()) };
        }
        let Some(root) = &self.root else {
            let message = format!(
                "no directory called `scenarios` is around this file, in which a {noun} could be found by name"
            );
            return Err((message, Some("a path ending in .toml".to_owned())));
        };
        let directory = root.join(shelf.directory());
        let path = directory.join(format!("{written}.toml"));
        let named_plainly = !written.contains(['/', '\\']);
        if named_plainly && path.is_file() {
            return Ok(path);
        }
        let names = stems(&directory);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Err((format!("there is no {noun} `{written}`"), name::suggest(written, &names)))
    }
}

/// The names of the TOML files of a directory, sorted.
fn stems(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// A file beside the missing one that may have been meant.
pub(crate) fn similar_file(missing: &Path) -> Option<String> {
    let directory = missing.parent()?;
    let names = stems(directory);
    let near = name::nearest(missing.file_stem()?.to_str()?, names.iter().map(String::as_str))?;
    Some(format!("did you mean {}?", directory.join(format!("{near}.toml")).display()))
}
