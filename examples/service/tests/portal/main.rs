//! The portal as a browser without a script sees it: a real service, asked over HTTP.
#![allow(clippy::disallowed_methods, reason = "tests wait for processes")]

mod access;
mod clocks;
mod export;
mod html;
mod log;
mod pages;
mod process;
