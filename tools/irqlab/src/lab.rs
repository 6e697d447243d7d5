// SPDX-License-Identifier: GPL-2.0

//! The lab's files in debugfs.

use crate::{
    error::{Error, Result},
    table::{Content, Table},
};
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

pub const DEFAULT: &str = "/sys/kernel/debug/irqlab";

pub struct Lab {
    root: PathBuf,
}

fn has_no(knob: &str) -> Error {
    Error::refused(
        format!("The lab has no {knob}."),
        "`irqlab list` shows what there is: lines, mechanisms, groups of claims, files.",
    )
}

impl Lab {
    pub fn open(root: &Path) -> Result<Self> {
        let shown = root.display();
        match fs::File::open(root.join("claims")) {
            Ok(_) => Ok(Self { root: root.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Error::no_lab(
                format!("{shown} may not be read."),
                "Be root: sudo irqlab …. If you are, the kernel is locked down: boot without Secure Boot or lockdown=.",
            )),
            Err(_) => Err(Error::no_lab(
                format!("There is no lab in {shown}."),
                "Insert the module (modprobe irqlab), mount debugfs (mount -t debugfs none /sys/kernel/debug), \
                 or name the place with --debugfs.",
            )),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file is that is named from the lab's directory on: there, and nowhere else.
    fn path(&self, knob: &str) -> Result<PathBuf> {
        let is_below = |part| matches!(part, Component::Normal(_));
        if knob.is_empty() || !Path::new(knob).components().all(is_below) {
            return Err(has_no(knob));
        }
        Ok(self.root.join(knob))
    }

    pub fn read(&self, knob: &str) -> Result<String> {
        let bytes = fs::read(self.path(knob)?).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => has_no(knob),
            // Not why the lab refused a command, which is what last_error has.
            _ => Error::refused(format!("{knob} cannot be read: {error}."), ""),
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn content(&self, knob: &str) -> Result<Content> {
        Ok(Content::parse(&self.read(knob)?))
    }

    pub fn table(&self, knob: &str) -> Result<Table> {
        let no_table = || {
            Error::refused(
                format!("{knob} has no table."),
                "It has one value: `irqlab show` it.",
            )
        };
        self.content(knob)?.into_table().ok_or_else(no_table)
    }

    /// The one value of a file that is no table.
    pub fn value(&self, knob: &str) -> Result<String> {
        Ok(self.read(knob)?.trim().to_owned())
    }

    /// Gives a command, in one write: it takes as long as what it asks for.
    pub fn tell(&self, knob: &str, command: &str) -> Result<()> {
        let mut options = fs::OpenOptions::new();
        let written = options
            .write(true)
            .open(self.path(knob)?)
            .and_then(|mut file| {
                // Not write_all(), which would begin anew what a signal has interrupted.
                file.write(command.as_bytes())
            });
        written
            .map(|_| ())
            .map_err(|error| self.why(knob, command, &error))
    }

    fn why(&self, knob: &str, command: &str, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::NotFound {
            return has_no(knob);
        }
        let said = self.last_error();
        let is_of_this = said.starts_with(&format!("{knob}: "));
        let why = if is_of_this { said } else { error.to_string() };
        let cure = match why.split(": ").nth(1).unwrap_or("") {
            "EBUSY" => "`irqlab watch` shows what is running, and when it has ended.",
            "ENODEV" | "ENXIO" => {
                "`irqlab list` shows which lines, mechanisms and claims there are."
            }
            "EINVAL" | "ERANGE" | "E2BIG" => {
                "What each file takes stands in README.md under Knobs."
            }
            _ => "",
        };
        Error::refused(format!("The lab refused '{command}': {why}."), cure)
    }

    fn last_error(&self) -> String {
        let said = fs::read_to_string(self.root.join("last_error")).unwrap_or_default();
        said.trim().to_owned()
    }

    /// What a directory holds, sorted.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(directory))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// All files that can be read, by their paths from the lab's directory.
    pub fn readable(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.readable_in("", &mut found);
        found
    }

    fn readable_in(&self, directory: &str, found: &mut Vec<String>) {
        for name in self.names(directory) {
            let path = if directory.is_empty() {
                name
            } else {
                format!("{directory}/{name}")
            };
            match fs::metadata(self.root.join(&path)) {
                Ok(data) if data.is_dir() => self.readable_in(&path, found),
                Ok(data) if data.permissions().mode() & 0o400 != 0 => found.push(path),
                _ => {}
            }
        }
    }
}
