// SPDX-License-Identifier: GPL-2.0

//! Fixups: how the kernel survives a bad address that a program gave it.

use super::claims;

claims! {
    "FIX-01", only_the_range_is_checked, "access_ok() checks only the range, not whether anything is there";
    "FIX-02", bad_pointers_give_efault, "a bad user address in a copy gives EFAULT, not an oops";
    "FIX-03", causes_are_told_apart, "the causes of a page fault in the kernel are told apart: served, or EFAULT";
    "FIX-04", entries_are_two_addresses, "an exception table entry is the address of an instruction and that of its fixup";
    "FIX-05", searched_by_the_address, "the fault handler searches the table by the address of the instruction";
    "FIX-06", goes_on_behind_the_access, "a fixup leaves -EFAULT for the error and 0 for the value, and goes on behind the access";
    "FIX-07", serves_more_than_page_faults, "fixups serve more exceptions than page faults";
    "FIX-08", costs_nothing_without_a_fault, "a fixup costs nothing as long as there is no fault";
    "FIX-09", one_limit_for_all, "access_ok() compares with a limit that each thread carries";
}
