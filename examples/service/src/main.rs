//! The program; all of it is in the library beside, where it is tested.

fn main() -> std::process::ExitCode {
    service::main()
}
