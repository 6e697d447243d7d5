// SPDX-License-Identifier: GPL-2.0

//! Runs the examples of the library's documentation, when it is inserted.
//!
//! Each runs in a task, one after the other, with a line in the kernel's log for each. One that does not run to
//! its end, or finds something else than it asserts, fails, and the next one runs.
//!
//! The insertion fails in the end, with `ECANCELED`, whatever the examples did: then the kernel throws the module's
//! code away, and waits for nobody. What one of the library's objects leaves to be done after it was dropped, such as
//! when the task returns to user mode or when RCU's readers have ended, would not find that code any more.
//!
//! An example is the body of a function: it may use `?`, and the token of its task, which is named `task`. It
//! may not panic, so its `assert!` is another one, which ends it; and `skip!` ends it where there is nothing to
//! try it on.

#![forbid(unsafe_code)]

use irqlab::{context::Task, error::ECANCELED};
use kernel::prelude::*;

module! {
    type: Examples,
    name: "irqlab_examples",
    authors: ["The irqlab contributors"],
    description: "Runs the examples of the library's documentation",
    license: "GPL",
}

struct Examples;

/// What ends an example early.
enum End {
    Error(Error),
    /// What it asserts on a line of the file of all examples is false.
    False(u32, &'static str),
    Skip(&'static str),
}

impl<E> From<E> for End
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

macro_rules! assert {
    ($condition:expr $(,)?) => {
        if !$condition {
            return Err($crate::End::False(line!(), stringify!($condition)));
        }
    };
}

macro_rules! assert_eq {
    ($left:expr, $right:expr $(,)?) => {
        match (&$left, &$right) {
            (left, right) if left == right => (),
            (left, right) => {
                ::kernel::pr_info!("# left: {:?}, right: {:?}\n", left, right);
                let what = concat!(stringify!($left), ", ", stringify!($right));
                return Err($crate::End::False(line!(), what));
            }
        }
    };
}

macro_rules! skip {
    ($why:literal) => {
        return Err($crate::End::Skip($why))
    };
}

/// Waits until it is so, for a minute or two at most: what is asserted next says whether it is.
macro_rules! eventually {
    ($task:expr, $condition:expr) => {
        for _ in 0..60_000 {
            if $condition || $task.is_interrupted() {
                break;
            }
            $task.sleep_ms(1);
        }
    };
}

/// One that runs.
struct Example {
    /// Where it is in the library, and its first line in the file of all examples.
    file: &'static str,
    line: u32,
    begin: u32,
    run: fn(&Task) -> Result<(), End>,
}

/// They show what else one would do, too, and need not use it.
#[allow(dead_code, unused, clippy::all)]
mod examples {
    use super::Example;
    include!(env!("IRQLAB_EXAMPLES"));
}

impl Example {
    fn try_it(&self, task: &Task) {
        let Self { file, line, .. } = self;
        let result = match (self.run)(task) {
            Ok(()) => "ok",
            Err(End::Skip(why)) => {
                pr_info!("# {file}:{line}: {why}\n");
                "skip"
            }
            Err(End::Error(error)) => {
                pr_info!("# {file}:{line}: ends with {error:?}\n");
                "not ok"
            }
            Err(End::False(at, what)) => {
                let at = at.wrapping_sub(self.begin).wrapping_add(*line);
                pr_info!("# {file}:{at}: is not so: {what}\n");
                "not ok"
            }
        };
        pr_info!("{result} - {file}:{line}\n");
    }
}

impl kernel::Module for Examples {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let task = Task::current().ok_or(EINVAL)?;
        pr_info!("1..{}\n", examples::ALL.len());
        for example in examples::ALL {
            if task.is_interrupted() {
                break;
            }
            example.try_it(task);
            task.yield_if_needed();
        }
        pr_info!("# {} more are not to run\n", examples::NR_NOT_RUN);
        Err(ECANCELED)
    }
}
